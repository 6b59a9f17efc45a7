/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the units compute, and what each must answer in the test at the start: the questions are in
 * selftest.c, the answers OpenSSL's. */
#include "insn.h"
#include "padlock.h"

/* ---- initial values, FIPS 180-4 and GB/T 32905 ---- */

static const uint32_t sha1_initial[] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
	                                 0xc3d2e1f0 };
static const uint32_t sha256_initial[] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
static const uint64_t sha384_initial[] = { 0xcbbb9d5dc1059ed8, 0x629a292a367cd507,
	                                   0x9159015a3070dd17, 0x152fecd8f70e5939,
	                                   0x67332667ffc00b31, 0x8eb44a8768581511,
	                                   0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4 };
static const uint64_t sha512_initial[] = { 0x6a09e667f3bcc908, 0xbb67ae8584caa73b,
	                                   0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	                                   0x510e527fade682d1, 0x9b05688c2b3e6c1f,
	                                   0x1f83d9abfb41bd6b, 0x5be0cd19137e2179 };
/* This one the unit has in the order of the standard. */
static const uint8_t sm3_initial[] = {
	0x73, 0x80, 0x16, 0x6f, 0x49, 0x14, 0xb2, 0xb9, 0x17, 0x24, 0x42,
	0xd7, 0xda, 0x8a, 0x06, 0x00, 0xa9, 0x6f, 0x30, 0xbc, 0x16, 0x31,
	0x38, 0xaa, 0xe3, 0x8d, 0xee, 0x4d, 0xb0, 0xfb, 0x0e, 0x4e,
};

static const uint8_t sha1_empty[] = {
	0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
	0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09,
};
static const uint8_t sha256_empty[] = {
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
	0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
	0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

/* clang-format off */
#define HASH(INSN, BLOCK, WORD, SIZE, INITIAL, EMPTY)                                          \
	{ .hash = INSN, .block = BLOCK, .word = WORD, .state = sizeof(INITIAL), .size = SIZE,  \
	  .initial = INITIAL, .empty = EMPTY }

static const struct padlock_digest
	sha1 = HASH(padlock_xsha_1, 64, 4, 20, sha1_initial, sha1_empty),
	sha256 = HASH(padlock_xsha_256, 64, 4, 32, sha256_initial, sha256_empty),
	sha384 = HASH(padlock_xsha_384, 128, 8, 48, sha384_initial, NULL),
	sha512 = HASH(padlock_xsha_512, 128, 8, 64, sha512_initial, NULL),
	sm3 = HASH(padlock_ccs_hash, 64, 1, 32, sm3_initial, NULL);

#define CIPHER(ALG, KIND, MODE, KEY, UNIT, ANSWER)                                             \
	{ .alg = ALG, .kind = PADLOCK_##KIND, .mode = PADLOCK_##MODE, .key = KEY,              \
	  .units = PADLOCK_##UNIT, .answer = ANSWER }
#define DIGEST(ALG, KIND, DIGEST, UNIT, ANSWER)                                                \
	{ .alg = ALG, .kind = PADLOCK_##KIND, .digest = &DIGEST, .units = PADLOCK_##UNIT,      \
	  .answer = ANSWER }

const struct padlock_row padlock_rows[] = {
	CIPHER("aes-128-ecb", AES, ECB, 16, ACE,
	       "69c4e0d86a7b0430d8cdb78070b4c55a41c73eec27e5a1f85e2fde8d5309eb3e"
	       "7027c80768ea020fc2d218ba7e4f9869"),
	CIPHER("aes-128-cbc", AES, CBC, 16, ACE,
	       "16628846f7334843bc7321cc7966168040f11ffaa504ce70a66fff9c5ac6f072"
	       "592e6232701cc29f6ef493ebf38dfc19"),
	CIPHER("aes-128-cfb", AES, CFB, 16, ACE,
	       "20b8dba1f0193d9f8c865667a07377955247b76a48d42077cec17dde864b9e20"
	       "b3c9669def1ed0f0bc540d88dde1c98d93b22a9bf4"),
	CIPHER("aes-128-ofb", AES, OFB, 16, ACE,
	       "20b8dba1f0193d9f8c865667a0737795f42f1f2c1307d6421cad914009d98e44"
	       "abad5d415319016a1832ff95acbc8182b4c45502b6"),
	CIPHER("aes-128-ctr", AES, CTR, 16, ACE,
	       "624cb6050c1c3093fca0ae17fb5e99147a17989a2cca28b6fb65a2234d1070db"
	       "7911a8cee5cdf22fb2cbaabfde84c6e067354d2606"),
	CIPHER("aes-192-ecb", AES, ECB, 24, ACE,
	       "dda97ca4864cdfe06eaf70a0ec0d719191d5f412b4e5f4601f5f2c7138a6a930"
	       "2f984d2aa7aa2bc74faa8440569bbd5d"),
	CIPHER("aes-192-cbc", AES, CBC, 24, ACE,
	       "6bbbc6dfcca3de831587b4208f20da1c9c04cbdc02d6484497e62ef93130bc4f"
	       "96d5d0acb5e46864bf278850cf74ce49"),
	CIPHER("aes-192-cfb", AES, CFB, 24, ACE,
	       "2ab603138b0de38c9a0f05cb96565967fcc3e0f4987115f8f00db691f83c70d6"
	       "b3c40b9394394e29089a826fe93669604c549636dc"),
	CIPHER("aes-192-ofb", AES, OFB, 24, ACE,
	       "2ab603138b0de38c9a0f05cb965659679c3a683d8ed83cb2730657dc12314d99"
	       "d6407ec204afdcf07e0b7102730cb404f3dc6fea91"),
	CIPHER("aes-192-ctr", AES, CTR, 24, ACE,
	       "ff1afabfaad1f8ec5aa5339a3768fcb845ab9418d9713323ab8c506a6ef0ca70"
	       "194b171af22701606e711123ecacb8e796e20063af"),
	CIPHER("aes-256-ecb", AES, ECB, 32, ACE,
	       "8ea2b7ca516745bfeafc49904b4960893e8d8922af24ef5657968429fe01cda0"
	       "d2fb4cd1f19562ea687fce26c634a8c2"),
	CIPHER("aes-256-cbc", AES, CBC, 32, ACE,
	       "5619ba42f9b3e67661562c2dd0a5eddc81c70914e6185d86864904e2f40f241b"
	       "eb82bb4937d5bce1062e338eeeba652d"),
	CIPHER("aes-256-cfb", AES, CFB, 32, ACE,
	       "72a0c10b0826295cfb336e71469f6b5e2b73d8f99f7c47328b635cb5f2f49090"
	       "3edb6445ffd048835994c47581bd00b7661a3ca5e4"),
	CIPHER("aes-256-ofb", AES, OFB, 32, ACE,
	       "72a0c10b0826295cfb336e71469f6b5e18197894989b71d8d2f06806d56aeaf8"
	       "29e4d9f130a4cd1c1b8e017fff2a42145e2adaf0b1"),
	CIPHER("aes-256-ctr", AES, CTR, 32, ACE,
	       "2f07159d5ce1fc21f7432792ab33c889797605161bdc032e6530170e630b7610"
	       "92161163291c33e8e168c0b907fcc62d50f49fe1ec"),
	CIPHER("sm4-ecb", SM4, ECB, 16, CCS,
	       "74c046048161bbf3d4ceff33d3f429beea76f67282bdd3444ad39ac2a07f0675"
	       "9fbaf4296fb775b3ac7c23ffc08bffe3"),
	CIPHER("sm4-cbc", SM4, CBC, 16, CCS,
	       "f5f058b2970cfc48e198962a6396419b7a4d278537d9a553ba2a713676a5c34d"
	       "f0f7860ef983f2385b37cc6e2107bb12"),
	CIPHER("sm4-cfb", SM4, CFB, 16, CCS,
	       "371056ebbdaeb3aa682fa73914d6cefee2529cf9f3030748352655f8e256aac6"
	       "49de1ee266e8f493f47e591d17a9913073928378f8"),
	CIPHER("sm4-ofb", SM4, OFB, 16, CCS,
	       "371056ebbdaeb3aa682fa73914d6cefe2af119924eb8857ed194dae84ab271e2"
	       "1a9571963ea88bab90365e203e07c1528b187ab717"),
	CIPHER("sm4-ctr", SM4, CTR, 16, CCS,
	       "af08e68e0cba16034d33aa27ac1909a6f85cced64d3e1bf2293ec8878c2008b1"
	       "4549347cc9122aa70b6da808f24e48f112d15eae47"),
	DIGEST("sha1", HASH, sha1, PHE,
	       "5c87e3c720be1e122b01c6017868ba173906e62c"),
	DIGEST("hmac-sha1", HMAC, sha1, PHE,
	       "6f2dbd6237ede4a5b984d9d6d5fbc694ab1bcd80"),
	DIGEST("sha256", HASH, sha256, PHE,
	       "cbd409c5d821ac427d3c43f4b5f3b532e30fb63ee8961fa9fc1de3022047389e"),
	DIGEST("hmac-sha256", HMAC, sha256, PHE,
	       "4f12504eb1b69de1b853176c16338b267e31a17930104da4f3b94b0c4cd315e6"),
	DIGEST("sha384", HASH, sha384, PHE2,
	       "6364c3ac54d27104b4e3b6455b225fb6fd8beea0c913b6ae5647b836e176cec7"
	       "999c20e76de9cfad2965f0bff7e9ee8e"),
	DIGEST("hmac-sha384", HMAC, sha384, PHE2,
	       "bf30fc0d5112fb9803c87d39d928e2666a14ddc407cb9709d631d1b4f85a58dc"
	       "c86c75fe72285bb32ea3fdff3ebbc703"),
	DIGEST("sha512", HASH, sha512, PHE2,
	       "ce0da1aad6321b92731a7ef68bbc6429a4d4df4d5e55e3c73b1795a46dd6d241"
	       "a8844cba153969abca7eec604fe38fa073e2a6fc4cac0d8efd5c1793137d57bd"),
	DIGEST("hmac-sha512", HMAC, sha512, PHE2,
	       "0c09f8ba9ff8583927d63dec9d289885d059b65c9e77d7dd9d56934603618a7f"
	       "5fb88bd83189b4c9305fef4835a4f25c631c0801743a7596c6d3a2f9e64f6a4c"),
	DIGEST("sm3", HASH, sm3, CCS,
	       "d82a304e3ae0bb520ec690b4fa7b1d008307b7700cfebf4bf4863a35676810f5"),
	DIGEST("hmac-sm3", HMAC, sm3, CCS,
	       "53498c8b02339f86f579cd1d16caaf66f5b0bcf38bf6d5ad813bff4d3c704e4c"),
};
/* clang-format on */

const unsigned padlock_row_count = sizeof(padlock_rows) / sizeof(padlock_rows[0]);
