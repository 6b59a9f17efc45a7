/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which processor this is, and what it lets user programs do. */
#include "padlock.h"

#include <cpuid.h>
#include <string.h>

#define LEAF_CENTAUR 0xC0000000u
#define LEAF_UNITS   0xC0000001u
#define LEAF_LAST    0xC000FFFFu /* a higher answer is no answer */

/* In EDX of LEAF_UNITS: the lower bit says that it is there, the next that it is enabled. */
static const struct {
	unsigned unit, bit;
} pairs[] = {
	{ PADLOCK_RNG, 2 },  { PADLOCK_CCS, 4 },  { PADLOCK_ACE, 6 },
	{ PADLOCK_ACE2, 8 }, { PADLOCK_PHE, 10 }, { PADLOCK_PHE2, 25 },
};

static bool vendor_is(const struct padlock_cpuid *leaf, const char *name)
{
	return !memcmp(&leaf->ebx, name, 4) && !memcmp(&leaf->edx, name + 4, 4) &&
	       !memcmp(&leaf->ecx, name + 8, 4);
}

static void decode_signature(uint32_t signature, struct padlock_cpu *cpu)
{
	cpu->signature = signature;
	cpu->family = signature >> 8 & 15;
	cpu->model = (signature >> 4 & 15) + 16 * (signature >> 16 & 15);
}

static unsigned decode_units(uint32_t edx, bool zhaoxin)
{
	unsigned units = 0;

	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		/* Zhaoxin's and guests on them show ACE2 without its second bit. */
		bool lone = zhaoxin && pairs[i].unit == PADLOCK_ACE2;
		uint32_t need = lone ? 1 : 3;

		if ((edx >> pairs[i].bit & need) == need)
			units |= pairs[i].unit;
	}
	/* Without the first there is nothing for the second to add to. */
	return units & PADLOCK_ACE ? units : units & ~PADLOCK_ACE2;
}

bool padlock_cpu_decode(const struct padlock_cpuid leaves[4], struct padlock_cpu *cpu)
{
	bool shanghai = vendor_is(&leaves[0], "  Shanghai  "), nano;

	memset(cpu, 0, sizeof(*cpu));
	if (!shanghai && !vendor_is(&leaves[0], "CentaurHauls"))
		return false;
	if (leaves[2].eax < LEAF_UNITS || leaves[2].eax > LEAF_LAST)
		return false;
	decode_signature(leaves[1].eax, cpu);
	cpu->zhaoxin = shanghai || cpu->family > 6 || (cpu->family == 6 && cpu->model >= 0x19);
	cpu->units = decode_units(leaves[3].edx, cpu->zhaoxin);
	nano = cpu->zhaoxin || (cpu->family == 6 && cpu->model >= 0x0f);
	cpu->align = nano && cpu->units & PADLOCK_ACE2;
#ifdef __x86_64__
	cpu->counts = cpu->units & PADLOCK_ACE2;
#endif
	cpu->hash_blocks = nano;
	cpu->sm4_modes = cpu->family > 6;
	cpu->rng_status = !nano;
	return true;
}

bool padlock_cpu_detect(struct padlock_cpu *cpu)
{
	static const uint32_t numbers[4] = { 0, 1, LEAF_CENTAUR, LEAF_UNITS };
	struct padlock_cpuid leaves[4];

	/* Also says whether there is such an instruction at all. */
	memset(cpu, 0, sizeof(*cpu));
	if (!__get_cpuid_max(0, NULL))
		return false;
	for (unsigned i = 0; i < 4; i++)
		__cpuid(numbers[i], leaves[i].eax, leaves[i].ebx, leaves[i].ecx, leaves[i].edx);
	return padlock_cpu_decode(leaves, cpu);
}
