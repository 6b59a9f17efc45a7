/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key registers are a cache: a key that is there already is not loaded again, and the one that was
 * used least lately makes room. Two keys that are equal share a register, so the two-key form of
 * 3DES, whose third key is its first, needs two. */
#include "chip.h"

#include <errno.h>
#include <string.h>

struct chip_slot {
	uint8_t key[CHIP_KEY];
	bool loaded;
	uint64_t used;    /* when, counted in runs */
	uint64_t used_ns; /* when */
};

/* ---- status codes ---- */

/* clang-format off */
static const struct {
	int status;
	struct chip_meaning meaning;
} meanings[] = {
	{ CHIP_OK, { 0, false, false, false, "done" } },
	/* Perhaps another device knows it; no fault of this one. */
	{ CHIP_UNKNOWN_COMMAND,
	  { -EOPNOTSUPP, false, false, false, "the card does not know the command" } },
	{ CHIP_NO_CARD, { -ENODEV, true, true, false, "the card is gone" } },
	{ CHIP_NOT_READY, { -EIO, true, true, false, "the card is not initialised" } },
	{ CHIP_NO_SLOT,
	  { -EOPNOTSUPP, false, false, false, "the card has no key register free" } },
	{ CHIP_KEY_NOT_LOADED,
	  { -EIO, false, false, true, "the key could not be loaded into the card" } },
	/* Most likely the card has lost it, and we believed it to be there. */
	{ CHIP_KEY_NOT_USABLE,
	  { -EOPNOTSUPP, false, true, true, "the card does not take the key for this" } },
	{ CHIP_ENCRYPT_FAILED, { -EIO, false, false, false, "the card failed to encrypt" } },
	{ CHIP_DECRYPT_FAILED, { -EIO, false, false, false, "the card failed to decrypt" } },
	{ CHIP_HANGS, { -EIO, true, true, false, "the card hangs: no answer in time" } },
	{ CHIP_STOPPED, { -ENODEV, false, true, false, "the device is taken down" } },
};
/* clang-format on */

const struct chip_meaning *chip_meaning(int status)
{
	static const struct chip_meaning unknown = {
		-EIO, false, true, false, "the card reports an error that nobody has told of"
	};

	for (unsigned i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].status == status)
			return &meanings[i].meaning;
	return &unknown;
}

/* ---- slots ---- */

size_t chip_slots_size(void)
{
	return CHIP_SLOTS * sizeof(struct chip_slot);
}

void chip_forget(struct chip *chip)
{
	explicit_bzero(chip->slots, chip_slots_size());
}

/* Takes the same time for all keys. */
static bool holds(const struct chip_slot *slot, const uint8_t *key)
{
	uint64_t a, b;

	memcpy(&a, slot->key, sizeof(a));
	memcpy(&b, key, sizeof(b));
	return slot->loaded & !(a ^ b);
}

static unsigned find_slot(const struct chip *chip, const uint8_t *key)
{
	unsigned found = chip->slot_count;

	for (unsigned i = 0; i < chip->slot_count; i++)
		if (holds(&chip->slots[i], key))
			found = i;
	return found;
}

/* The emptiest, then the least lately used; never one of `taken`, a bit for each. Returns
 * slot_count if there is none. */
static unsigned choose_slot(const struct chip *chip, unsigned taken)
{
	unsigned best = chip->slot_count;

	for (unsigned i = 0; i < chip->slot_count; i++) {
		const struct chip_slot *slot = &chip->slots[i];

		if (taken >> i & 1)
			continue;
		if (!slot->loaded)
			return i;
		if (best == chip->slot_count || slot->used < chip->slots[best].used)
			best = i;
	}
	return best;
}

/* A load that failed may have left anything behind. */
static int load(struct chip *chip, unsigned slot, const uint8_t *key)
{
	struct chip_slot *entry = &chip->slots[slot];
	int status = chip->backend->load_key(chip->self, slot, key);

	explicit_bzero(entry, sizeof(*entry));
	if (status)
		return status;
	memcpy(entry->key, key, CHIP_KEY);
	entry->loaded = true;
	return CHIP_OK;
}

static uint64_t next_use(const struct chip *chip)
{
	uint64_t latest = 0;

	for (unsigned i = 0; i < chip->slot_count; i++)
		if (chip->slots[i].used > latest)
			latest = chip->slots[i].used;
	return latest + 1;
}

/* See that all keys are in the chip, none in the place of another. */
static int take_slots(struct chip *chip, const uint8_t *keys, unsigned count, uint64_t now_ns,
                      unsigned *slots)
{
	uint64_t use = next_use(chip);
	unsigned taken = 0;

	/* Those that are there already must not make room for the others. */
	for (unsigned i = 0; i < count; i++) {
		slots[i] = find_slot(chip, keys + i * CHIP_KEY);
		if (slots[i] < chip->slot_count)
			taken |= 1u << slots[i];
	}
	for (unsigned i = 0; i < count; i++) {
		int status = CHIP_OK;

		if (slots[i] == chip->slot_count) /* or loaded for an equal one just now */
			slots[i] = find_slot(chip, keys + i * CHIP_KEY);
		if (slots[i] == chip->slot_count) {
			slots[i] = choose_slot(chip, taken);
			if (slots[i] == chip->slot_count)
				return CHIP_NO_SLOT;
			status = load(chip, slots[i], keys + i * CHIP_KEY);
		}
		if (status)
			return status;
		taken |= 1u << slots[i];
		chip->slots[slots[i]].used = use;
		chip->slots[slots[i]].used_ns = now_ns;
	}
	return CHIP_OK;
}

unsigned chip_key_number(const unsigned *slots, unsigned count)
{
	unsigned number = 0;

	for (unsigned i = 0; i < count; i++)
		number |= slots[i] << 4 * i;
	return number;
}

/* ---- calls ---- */

int chip_init(struct chip *chip)
{
	chip_forget(chip);
	return chip->backend->init(chip->self);
}

int chip_clear(struct chip *chip)
{
	chip_forget(chip);
	return chip->backend->clear(chip->self);
}

int chip_crypt(struct chip *chip, const uint8_t *keys, unsigned count, uint64_t now_ns,
               struct chip_run *run)
{
	unsigned slots[CHIP_KEYS_MAX];
	int status = take_slots(chip, keys, count, now_ns, slots);

	if (!status) {
		run->key = chip_key_number(slots, count);
		status = chip->backend->crypt(chip->self, run);
	}
	/* What we no longer know must not stay there either. */
	if (chip_meaning(status)->forget)
		chip_clear(chip);
	return status;
}

int chip_expire(struct chip *chip, uint64_t before_ns)
{
	int status = CHIP_OK;

	for (unsigned i = 0; i < chip->slot_count && !status; i++) {
		struct chip_slot *slot = &chip->slots[i];

		if (!slot->loaded || slot->used_ns >= before_ns)
			continue;
		status = chip->backend->delete_key(chip->self, i);
		explicit_bzero(slot, sizeof(*slot));
	}
	/* A library without this call, or a card that refuses: all of them, then. */
	return status ? chip_clear(chip) : CHIP_OK;
}

uint64_t chip_oldest_use(const struct chip *chip)
{
	uint64_t oldest = UINT64_MAX;

	for (unsigned i = 0; i < chip->slot_count; i++)
		if (chip->slots[i].loaded && chip->slots[i].used_ns < oldest)
			oldest = chip->slots[i].used_ns;
	return oldest;
}

void chip_close(struct chip *chip)
{
	if (!chip->backend)
		return;
	chip_clear(chip);
	chip->backend->close(chip->self);
	chip->backend = NULL;
}
