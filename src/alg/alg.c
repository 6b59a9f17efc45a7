/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alg.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define OP(x)     (1u << ACR_##x)
#define OPS_CRYPT (OP(ENCRYPT) | OP(DECRYPT))
#define OPS_MAC   (OP(MAC) | OP(VERIFY))

#define KiB 1024ull
#define MiB (1024 * KiB)
#define GiB (1024 * MiB)
#define ANY UINT64_MAX

/* Tag sizes as bit sets. */
#define UPTO(n)     ((n) >= 64 ? ~0ull : (1ull << (n)) - 1)
#define TAG(n)      (1ull << ((n)-1))
#define TAGS_GCM    (TAG(4) | TAG(8) | TAG(12) | TAG(13) | TAG(14) | TAG(15) | TAG(16))
#define TAGS_CCM    (TAG(4) | TAG(6) | TAG(8) | TAG(10) | TAG(12) | TAG(14) | TAG(16))
#define SALT_MAX    (64 * 1024)
#define ANY_KEY_MAX (64 * 1024)

/* clang-format off */

/* The five classical modes of a block cipher: prefix, key bytes, block bytes. */
#define MODES(P, K, B)                                                                          \
	{ .name = P "-ecb", .kind = ACR_KIND_CIPHER, .ops = OPS_CRYPT, .key_min = K, .key_max = K, \
	  .block = B, .in_max = ANY, .in_step = B, .pieces = ACR_PIECES_ECB, .flags = ACR_ALG_PADS }, \
	{ .name = P "-cbc", .kind = ACR_KIND_CIPHER, .ops = OPS_CRYPT, .key_min = K, .key_max = K, \
	  .block = B, .iv_min = B, .iv_max = B, .iv_default = B, .in_max = ANY, .in_step = B,    \
	  .pieces = ACR_PIECES_CBC, .flags = ACR_ALG_PADS },                                     \
	{ .name = P "-cfb", .kind = ACR_KIND_CIPHER, .ops = OPS_CRYPT, .key_min = K, .key_max = K, \
	  .block = B, .iv_min = B, .iv_max = B, .iv_default = B, .in_max = ANY,                  \
	  .pieces = ACR_PIECES_CFB },                                                            \
	{ .name = P "-ofb", .kind = ACR_KIND_CIPHER, .ops = OPS_CRYPT, .key_min = K, .key_max = K, \
	  .block = B, .iv_min = B, .iv_max = B, .iv_default = B, .in_max = ANY,                  \
	  .pieces = ACR_PIECES_OFB, .flags = ACR_ALG_UNIQUE_IV }
#define CTR(P, K)                                                                               \
	{ .name = P "-ctr", .kind = ACR_KIND_CIPHER, .ops = OPS_CRYPT, .key_min = K, .key_max = K, \
	  .block = 16, .iv_min = 16, .iv_max = 16, .iv_default = 16, .in_max = ANY,              \
	  .pieces = ACR_PIECES_CTR, .flags = ACR_ALG_UNIQUE_IV }
/* SP 800-38E: at most 2^20 blocks of 16 bytes a data unit. Two keys. Of each cipher that of IEEE
 * 1619, also of SM4: GB/T 17964 has another one of the same name. */
#define XTS(P, K)                                                                               \
	{ .name = P "-xts", .kind = ACR_KIND_CIPHER, .ops = OPS_CRYPT, .key_min = 2 * (K),       \
	  .key_max = 2 * (K), .block = 16, .iv_min = 16, .iv_max = 16, .iv_default = 16,         \
	  .in_min = 16, .in_max = 16 * MiB }
/* SP 800-38D: at most 2^39 - 256 bits. OpenSSL takes nonces to 128 bytes. */
#define GCM(P, K)                                                                               \
	{ .name = P "-gcm", .kind = ACR_KIND_AEAD, .ops = OPS_CRYPT, .key_min = K, .key_max = K, \
	  .block = 16, .iv_min = 1, .iv_max = 128, .iv_default = 12, .tags = TAGS_GCM,           \
	  .tag_default = 16, .in_max = 64 * GiB - 32, .pieces = ACR_PIECES_STATE,                \
	  .flags = ACR_ALG_UNIQUE_IV }
#define CCM(P, K)                                                                               \
	{ .name = P "-ccm", .kind = ACR_KIND_AEAD, .ops = OPS_CRYPT, .key_min = K, .key_max = K, \
	  .block = 16, .iv_min = 7, .iv_max = 13, .iv_default = 12, .tags = TAGS_CCM,            \
	  .tag_default = 16, .in_max = 2 * GiB - 1, .flags = ACR_ALG_UNIQUE_IV | ACR_ALG_CCM }
#define OCB(P, K)                                                                               \
	{ .name = P "-ocb", .kind = ACR_KIND_AEAD, .ops = OPS_CRYPT, .key_min = K, .key_max = K, \
	  .block = 16, .iv_min = 1, .iv_max = 15, .iv_default = 12, .tags = UPTO(16),            \
	  .tag_default = 16, .in_max = 64 * GiB, .pieces = ACR_PIECES_STATE,                     \
	  .flags = ACR_ALG_UNIQUE_IV }
#define GCM_SIV(P, K)                                                                           \
	{ .name = P "-gcm-siv", .kind = ACR_KIND_AEAD, .ops = OPS_CRYPT, .key_min = K,           \
	  .key_max = K, .block = 16, .iv_min = 12, .iv_max = 12, .iv_default = 12,               \
	  .tags = TAG(16), .tag_default = 16, .in_max = 2 * GiB - 1, .flags = ACR_ALG_UNIQUE_IV }
/* SP 800-38F, with the standard's own initial values. */
#define WRAP(P, K)                                                                              \
	{ .name = P "-wrap", .kind = ACR_KIND_WRAP, .ops = OPS_CRYPT, .key_min = K,              \
	  .key_max = K, .block = 8, .in_min = 16, .in_max = 2 * GiB - 16, .in_step = 8 },        \
	{ .name = P "-wrap-pad", .kind = ACR_KIND_WRAP, .ops = OPS_CRYPT, .key_min = K,          \
	  .key_max = K, .block = 8, .in_min = 1, .in_max = 2 * GiB - 16 }

#define AES(K, BITS)                                                                            \
	MODES("aes-" #BITS, K, 16), CTR("aes-" #BITS, K), GCM("aes-" #BITS, K),                  \
	CCM("aes-" #BITS, K), OCB("aes-" #BITS, K), WRAP("aes-" #BITS, K)
#define CAMELLIA(K, BITS) MODES("camellia-" #BITS, K, 16), CTR("camellia-" #BITS, K)
#define ARIA(K, BITS)                                                                           \
	MODES("aria-" #BITS, K, 16), CTR("aria-" #BITS, K), GCM("aria-" #BITS, K),               \
	CCM("aria-" #BITS, K)

#define HASH(N, SIZE)                                                                           \
	{ .name = N, .kind = ACR_KIND_HASH, .ops = OP(HASH), .block = 1, .out = SIZE,            \
	  .in_max = ANY, .pieces = ACR_PIECES_STATE }
#define XOF(N, SIZE)                                                                            \
	{ .name = N, .kind = ACR_KIND_HASH, .ops = OP(HASH), .block = 1, .out = SIZE,            \
	  .out_max = 1 * GiB, .in_max = ANY, .pieces = ACR_PIECES_STATE, .flags = ACR_ALG_XOF }
#define MAC(N, KMIN, KMAX, SIZE)                                                                \
	{ .name = N, .kind = ACR_KIND_MAC, .ops = OPS_MAC, .key_min = KMIN,                      \
	  .key_max = KMAX, .block = 1, .tags = UPTO(SIZE), .tag_default = SIZE, .out = SIZE,     \
	  .in_max = ANY, .pieces = ACR_PIECES_STATE }
#define GMAC(BITS, K)                                                                           \
	{ .name = "gmac-aes-" #BITS, .kind = ACR_KIND_MAC, .ops = OPS_MAC,                       \
	  .key_min = K, .key_max = K, .block = 1, .iv_min = 1, .iv_max = 128, .iv_default = 12,  \
	  .tags = TAGS_GCM, .tag_default = 16, .out = 16, .in_max = 64 * GiB - 32,               \
	  .pieces = ACR_PIECES_STATE, .flags = ACR_ALG_UNIQUE_IV }
#define KMAC(BITS, SIZE)                                                                        \
	{ .name = "kmac-" #BITS, .kind = ACR_KIND_MAC, .ops = OPS_MAC, .key_min = 4,             \
	  .key_max = 512, .block = 1, .tags = UPTO(64), .tag_default = SIZE, .out = SIZE,        \
	  .out_max = 1 * MiB, .in_max = ANY, .pieces = ACR_PIECES_STATE, .flags = ACR_ALG_XOF }

#define HKDF(N, SIZE)                                                                           \
	{ .name = "hkdf-" N, .kind = ACR_KIND_KDF, .ops = OP(DERIVE), .key_max = ANY_KEY_MAX,    \
	  .block = 1, .iv_max = SALT_MAX, .out = SIZE, .out_max = 255 * SIZE,                    \
	  .flags = ACR_ALG_XOF | ACR_ALG_SALT }
#define PBKDF2(N, SIZE)                                                                         \
	{ .name = "pbkdf2-" N, .kind = ACR_KIND_KDF, .ops = OP(DERIVE), .key_max = ANY_KEY_MAX,  \
	  .block = 1, .iv_max = SALT_MAX, .out = SIZE, .out_max = 1 * MiB,                       \
	  .flags = ACR_ALG_XOF | ACR_ALG_SALT | ACR_ALG_SLOW }

/* Keys are PEM or DER, so their length says little; nor does this table know how much a key of RSA
 * can encrypt. RSA goes to 16384 bits. */
#define PKEY(N, KIND, OPS) .name = N, .kind = ACR_KIND_##KIND, .ops = OPS, .key_min = 1,         \
	  .key_max = ANY_KEY_MAX, .block = 1
#define RSA_MAX   2048
#define SIGN(N, DIGEST, MAX, FLAGS)                                                             \
	{ PKEY(N, SIGN, OP(SIGN) | OP(VERIFY)), .out_max = MAX, .in_max = ANY, .digest = DIGEST, \
	  .flags = FLAGS }
#define RSA_SIGN(N, SCHEME, DIGEST)                                                             \
	{ PKEY(N, SIGN, OP(SIGN) | OP(VERIFY)), .out_max = RSA_MAX, .in_max = ANY,               \
	  .digest = DIGEST, .scheme = SCHEME, .flags = ACR_ALG_SLOW }
#define AGREE(N, SIZE, FLAGS)                                                                   \
	{ PKEY(N, AGREE, OP(DERIVE)), .out = SIZE, .in_min = 1, .in_max = ANY_KEY_MAX,           \
	  .flags = FLAGS }
/* For each curve the longest signature: 9 bytes of DER at most around r and s. */
#define PKEY_DIGEST(N)                                                                          \
	RSA_SIGN("rsa-" N, "pkcs1", N), RSA_SIGN("rsa-pss-" N, "pss", N),                        \
	{ PKEY("rsa-oaep-" N, PKCRYPT, OPS_CRYPT), .out_max = RSA_MAX, .in_max = ANY,            \
	  .digest = N, .scheme = "oaep", .flags = ACR_ALG_SLOW },                                \
	SIGN("ecdsa-prime256v1-" N, N, 2 * 32 + ACR_DER_AROUND, 0),                                           \
	SIGN("ecdsa-secp384r1-" N, N, 2 * 48 + ACR_DER_AROUND, ACR_ALG_SLOW),                                 \
	SIGN("ecdsa-secp521r1-" N, N, 2 * 66 + ACR_DER_AROUND, ACR_ALG_SLOW),                                 \
	SIGN("ecdsa-secp256k1-" N, N, 2 * 32 + ACR_DER_AROUND, ACR_ALG_SLOW)

/* Everything that a digest gives rise to. */
#define DIGEST(N, SIZE)                                                                         \
	HASH(N, SIZE), MAC("hmac-" N, 0, ANY_KEY_MAX, SIZE), HKDF(N, SIZE), PBKDF2(N, SIZE)

static const struct acr_alg table[] = {
	{ .name = "", .kind = ACR_KIND_RNG, .ops = OP(RANDOM), .block = 1, .out_max = 1 * GiB,
	  .flags = ACR_ALG_XOF },

	AES(16, 128), AES(24, 192), AES(32, 256),
	XTS("aes-128", 16), XTS("aes-256", 32),
	GCM_SIV("aes-128", 16), GCM_SIV("aes-192", 24), GCM_SIV("aes-256", 32),
	{ .name = "chacha20", .kind = ACR_KIND_CIPHER, .ops = OPS_CRYPT, .key_min = 32,
	  .key_max = 32, .block = 64, .iv_min = 16, .iv_max = 16, .iv_default = 16,
	  .in_max = 256 * GiB, .pieces = ACR_PIECES_CHACHA, .flags = ACR_ALG_UNIQUE_IV },
	{ .name = "chacha20-poly1305", .kind = ACR_KIND_AEAD, .ops = OPS_CRYPT, .key_min = 32,
	  .key_max = 32, .block = 64, .iv_min = 12, .iv_max = 12, .iv_default = 12,
	  .tags = TAG(16), .tag_default = 16, .in_max = 256 * GiB - 64,
	  .pieces = ACR_PIECES_STATE, .flags = ACR_ALG_UNIQUE_IV },
	{ .name = "xor", .kind = ACR_KIND_CIPHER, .ops = OPS_CRYPT, .key_min = 1,
	  .key_max = ANY_KEY_MAX, .block = 1, .in_max = ANY, .flags = ACR_ALG_TWO_INPUTS },
	MODES("des", 8, 8), MODES("des-ede3", 24, 8),
	CAMELLIA(16, 128), CAMELLIA(24, 192), CAMELLIA(32, 256),
	ARIA(16, 128), ARIA(24, 192), ARIA(32, 256),
	MODES("sm4", 16, 16), CTR("sm4", 16), GCM("sm4", 16), CCM("sm4", 16), XTS("sm4", 16),

	DIGEST("md5", 16), DIGEST("sha1", 20),
	DIGEST("sha224", 28), DIGEST("sha256", 32), DIGEST("sha384", 48), DIGEST("sha512", 64),
	DIGEST("sha512-224", 28), DIGEST("sha512-256", 32),
	DIGEST("sha3-224", 28), DIGEST("sha3-256", 32), DIGEST("sha3-384", 48),
	DIGEST("sha3-512", 64),
	DIGEST("blake2b512", 64), DIGEST("blake2s256", 32), DIGEST("sm3", 32),
	XOF("shake128", 32), XOF("shake256", 64),

	MAC("cmac-aes-128", 16, 16, 16), MAC("cmac-aes-192", 24, 24, 16),
	MAC("cmac-aes-256", 32, 32, 16), MAC("cmac-des-ede3", 24, 24, 8),
	GMAC(128, 16), GMAC(192, 24), GMAC(256, 32),
	KMAC(128, 32), KMAC(256, 64), MAC("poly1305", 32, 32, 16),
	{ .name = "scrypt", .kind = ACR_KIND_KDF, .ops = OP(DERIVE), .key_max = ANY_KEY_MAX,
	  .block = 1, .iv_max = SALT_MAX, .out = 64, .out_max = 1 * MiB,
	  .flags = ACR_ALG_XOF | ACR_ALG_SALT | ACR_ALG_SLOW },

	PKEY_DIGEST("sha1"), PKEY_DIGEST("sha224"), PKEY_DIGEST("sha256"), PKEY_DIGEST("sha384"),
	PKEY_DIGEST("sha512"), PKEY_DIGEST("sha512-224"), PKEY_DIGEST("sha512-256"),
	PKEY_DIGEST("sha3-224"), PKEY_DIGEST("sha3-256"), PKEY_DIGEST("sha3-384"),
	PKEY_DIGEST("sha3-512"),
	SIGN("sm2", "sm3", 2 * 32 + ACR_DER_AROUND, ACR_ALG_SLOW),
	SIGN("ed25519", NULL, 64, 0), SIGN("ed448", NULL, 114, ACR_ALG_SLOW),
	AGREE("ecdh-prime256v1", 32, 0), AGREE("ecdh-secp384r1", 48, ACR_ALG_SLOW),
	AGREE("ecdh-secp521r1", 66, ACR_ALG_SLOW), AGREE("ecdh-secp256k1", 32, ACR_ALG_SLOW),
	AGREE("x25519", 32, 0), AGREE("x448", 56, ACR_ALG_SLOW),
	{ PKEY("modexp", PKCRYPT, OPS_CRYPT), .out_max = RSA_MAX, .in_max = RSA_MAX,
	  .flags = ACR_ALG_SLOW },
};

/* Other names of the same: what begins with the first may begin with the second. */
static const struct {
	const char *canonical, *alias;
} aliases[] = {
	{ "ecdsa-prime256v1-", "ecdsa-p256-" }, { "ecdsa-secp384r1-", "ecdsa-p384-" },
	{ "ecdsa-secp521r1-", "ecdsa-p521-" },  { "ecdh-prime256v1", "ecdh-p256" },
	{ "ecdh-secp384r1", "ecdh-p384" },      { "ecdh-secp521r1", "ecdh-p521" },
};
/* clang-format on */

_Static_assert(G_N_ELEMENTS(table) <= ACR_ALGS, "raise ACR_ALGS");

static const char *const opcode_names[ACR_OPCODES] = {
	[ACR_ENCRYPT] = "encrypt", [ACR_DECRYPT] = "decrypt", [ACR_HASH] = "hash",
	[ACR_MAC] = "mac",         [ACR_SIGN] = "sign",       [ACR_VERIFY] = "verify",
	[ACR_RANDOM] = "random",   [ACR_DERIVE] = "derive",
};

static GHashTable *by_name;

static void add_aliases(const struct acr_alg *alg)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
		const char *rest = alg->name + strlen(aliases[i].canonical);
		g_autofree char *name = NULL;

		if (!g_str_has_prefix(alg->name, aliases[i].canonical))
			continue;
		name = g_strconcat(aliases[i].alias, rest, NULL);
		g_hash_table_insert(by_name, (gpointer)g_intern_string(name), (gpointer)alg);
	}
}

void acr_alg_init(void)
{
	if (by_name)
		return;
	by_name = g_hash_table_new(g_str_hash, g_str_equal);
	for (unsigned i = 1; i < G_N_ELEMENTS(table); i++) {
		g_hash_table_insert(by_name, (gpointer)table[i].name, (gpointer)&table[i]);
		add_aliases(&table[i]);
	}
}

const struct acr_alg *acr_alg_find(const char *name)
{
	if (!*name)
		return &table[0];
	return g_hash_table_lookup(by_name, name);
}

const char *acr_alg_text(const char *name)
{
	gpointer key = NULL;

	g_hash_table_lookup_extended(by_name, name, &key, NULL);
	return key;
}

unsigned acr_alg_index(const struct acr_alg *alg)
{
	return (unsigned)(alg - table);
}

const struct acr_alg *acr_alg_row(unsigned index)
{
	return &table[index];
}

unsigned acr_alg_count(void)
{
	return G_N_ELEMENTS(table);
}

const char *acr_opcode_name(enum acr_opcode opcode)
{
	return opcode_names[opcode];
}

int acr_opcode_find(const char *name)
{
	for (int i = 0; i < ACR_OPCODES; i++)
		if (!strcmp(opcode_names[i], name))
			return i;
	return -1;
}

enum acr_opcode acr_alg_default_op(const struct acr_alg *alg)
{
	return (enum acr_opcode)__builtin_ctz(alg->ops);
}

bool acr_alg_has_op(const struct acr_alg *alg, enum acr_opcode opcode)
{
	return alg->ops & (1u << opcode);
}

bool acr_alg_key_ok(const struct acr_alg *alg, size_t bytes)
{
	return bytes >= alg->key_min && bytes <= alg->key_max &&
	       (!alg->key_step || (bytes - alg->key_min) % alg->key_step == 0);
}

bool acr_alg_iv_ok(const struct acr_alg *alg, size_t bytes)
{
	return bytes >= alg->iv_min && bytes <= alg->iv_max;
}

/* RFC 7914: B has 128 r p bytes and V 128 r n, to which OpenSSL adds two rows. All three are so
 * limited that this is below 2^58. */
size_t acr_alg_memory(const struct acr_alg *alg, const struct acr_numbers *numbers)
{
	if (!alg || alg->kind != ACR_KIND_KDF || strcmp(alg->name, "scrypt"))
		return 0;
	return (size_t)(128 * numbers->r * (numbers->n + numbers->p + 2));
}

bool acr_alg_tag_ok(const struct acr_alg *alg, size_t bytes)
{
	return bytes >= 1 && bytes <= ACR_TAG_MAX && (alg->tags >> (bytes - 1) & 1);
}

static void range_text(char *text, unsigned min, unsigned max)
{
	if (!max)
		snprintf(text, ACR_SIZES, "none");
	else if (min == max)
		snprintf(text, ACR_SIZES, "%u bytes", min);
	else
		snprintf(text, ACR_SIZES, "%u to %u bytes", min, max);
}

void acr_alg_key_sizes(const struct acr_alg *alg, char *text)
{
	range_text(text, alg->key_min, alg->key_max);
}

void acr_alg_iv_sizes(const struct acr_alg *alg, char *text)
{
	range_text(text, alg->iv_min, alg->iv_max);
}

void acr_alg_tag_sizes(const struct acr_alg *alg, char *text)
{
	size_t used = 0;
	unsigned first = 0;

	text[0] = 0;
	for (unsigned n = 1; n <= ACR_TAG_MAX + 1; n++) {
		bool ok = n <= ACR_TAG_MAX && acr_alg_tag_ok(alg, n);
		if (ok && !first)
			first = n;
		if (ok || !first)
			continue;
		used += (size_t)snprintf(text + used, ACR_SIZES - used, "%s%u",
		                         used ? ", " : "", first);
		if (n - 1 > first)
			used += (size_t)snprintf(text + used, ACR_SIZES - used, "-%u", n - 1);
		first = 0;
	}
	snprintf(text + used, ACR_SIZES - used, used ? " bytes" : "none");
}
