/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Known answers for tests/unit/unit_soft.c, at least one of each family, typed from the standard
 * named beside each. Byte strings are hex, or text where they start with a single quote. */
#ifndef ACR_UNIT_SOFT_VECTORS_H
#define ACR_UNIT_SOFT_VECTORS_H

#include <acrypto/driver.h>

struct vector {
	const char *source;
	enum acr_opcode opcode;
	const char *alg, *key, *iv, *aad, *src, *dst, *tag;
	struct acr_numbers numbers;
};

#define KEY128 "000102030405060708090a0b0c0d0e0f"
#define KEY256 KEY128 "101112131415161718191a1b1c1d1e1f"
#define NIST   "2b7e151628aed2a6abf7158809cf4f3c"
#define COUNT  "00112233445566778899aabbccddeeff"
#define BLOCK1 "6bc1bee22e409f96e93d7e117393172a"
#define BLOCK2 "ae2d8a571e03ac9c9eb76fac45af8e51"
#define CHINA  "0123456789abcdeffedcba9876543210"

static const struct vector vectors[] = {
	/* block ciphers */
	{ "FIPS 197 C.1", ACR_ENCRYPT, "aes-128-ecb", KEY128, "", "", COUNT,
	  "69c4e0d86a7b0430d8cdb78070b4c55a", "", { 0 } },
	{ "FIPS 197 C.3", ACR_ENCRYPT, "aes-256-ecb", KEY256, "", "", COUNT,
	  "8ea2b7ca516745bfeafc49904b496089", "", { 0 } },
	{ "SP 800-38A F.2.1", ACR_ENCRYPT, "aes-128-cbc", NIST, KEY128, "", BLOCK1 BLOCK2,
	  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2", "", { 0 } },
	{ "SP 800-38A F.3.13", ACR_ENCRYPT, "aes-128-cfb", NIST, KEY128, "", BLOCK1 BLOCK2,
	  "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b", "", { 0 } },
	{ "SP 800-38A F.4.1", ACR_ENCRYPT, "aes-128-ofb", NIST, KEY128, "", BLOCK1 BLOCK2,
	  "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825", "", { 0 } },
	{ "SP 800-38A F.5.1", ACR_ENCRYPT, "aes-128-ctr", NIST,
	  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "", BLOCK1 BLOCK2,
	  "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff", "", { 0 } },
	{ "IEEE 1619 B.2", ACR_ENCRYPT, "aes-128-xts",
	  "1111111111111111111111111111111122222222222222222222222222222222",
	  "33333333330000000000000000000000", "",
	  "4444444444444444444444444444444444444444444444444444444444444444",
	  "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0", "", { 0 } },
	{ "FIPS 46 worked example", ACR_ENCRYPT, "des-ecb", "133457799bbcdff1", "", "",
	  "0123456789abcdef", "85e813540f0ab405", "", { 0 } },
	{ "SP 800-67 B.1", ACR_ENCRYPT, "des-ede3-ecb",
	  "0123456789abcdef23456789abcdef01456789abcdef0123", "", "", "'The qufck brown fox jump",
	  "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900", "", { 0 } },
	{ "RFC 3713 A", ACR_ENCRYPT, "camellia-128-ecb", CHINA, "", "", CHINA,
	  "67673138549669730857065648eabe43", "", { 0 } },
	{ "RFC 5794 A.1", ACR_ENCRYPT, "aria-128-ecb", KEY128, "", "", COUNT,
	  "d718fbd6ab644c739da95f3be6451778", "", { 0 } },
	{ "GB/T 32907 A.1", ACR_ENCRYPT, "sm4-ecb", CHINA, "", "", CHINA,
	  "681edf34d206965e86b3e94f536e4246", "", { 0 } },
	{ "RFC 8439 2.4.2", ACR_ENCRYPT, "chacha20", KEY256, "01000000000000000000004a00000000",
	  "", "'Ladies and Gentl", "6e2e359a2568f98041ba0728dd0d6981", "", { 0 } },

	/* AEAD and key wrap */
	{ "GCM test case 4", ACR_ENCRYPT, "aes-128-gcm", "feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
	  "5bc94fbc3221a5db94fae95ae7121a47", { 0 } },
	{ "GCM test case 5 (8-byte nonce)", ACR_ENCRYPT, "aes-128-gcm",
	  "feffe9928665731c6d6a8f9467308308", "cafebabefacedbad",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423"
	  "73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598",
	  "3612d2e79e3b0785561be14aaca2fccb", { 0 } },
	{ "SP 800-38C C.1", ACR_ENCRYPT, "aes-128-ccm", "404142434445464748494a4b4c4d4e4f",
	  "10111213141516", "0001020304050607", "20212223", "7162015b", "4dac255d", { 0 } },
	{ "RFC 7253 A", ACR_ENCRYPT, "aes-128-ocb", KEY128, "bbaa99887766554433221101",
	  "0001020304050607", "0001020304050607", "6820b3657b6f615a",
	  "5725bda0d3b4eb3a257c9af1f8f03009", { 0 } },
	{ "RFC 8452 C.1", ACR_ENCRYPT, "aes-128-gcm-siv", "01000000000000000000000000000000",
	  "030000000000000000000000", "", "0100000000000000", "b5d839330ac7b786",
	  "578782fff6013b815b287c22493a364c", { 0 } },
	{ "RFC 8439 2.8.2", ACR_ENCRYPT, "chacha20-poly1305",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	  "'Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
	  "future, sunscreen would be it.",
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	  "3ff4def08e4b7a9de576d26586cec64b6116",
	  "1ae10b594f09e26a7e902ecbd0600691", { 0 } },
	{ "RFC 3394 4.1", ACR_ENCRYPT, "aes-128-wrap", KEY128, "", "", COUNT,
	  "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5", "", { 0 } },
	{ "RFC 5649 6", ACR_ENCRYPT, "aes-192-wrap-pad",
	  "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "", "", "466f7250617369",
	  "afbeb0f07dfbf5419200f2ccb50bb24f", "", { 0 } },

	/* digests */
	{ "RFC 1321 A.5", ACR_HASH, "md5", "", "", "", "'abc",
	  "900150983cd24fb0d6963f7d28e17f72", "", { 0 } },
	{ "FIPS 180 A.1", ACR_HASH, "sha1", "", "", "", "'abc",
	  "a9993e364706816aba3e25717850c26c9cd0d89d", "", { 0 } },
	{ "FIPS 180 B.1", ACR_HASH, "sha256", "", "", "", "'abc",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "", { 0 } },
	{ "FIPS 202 examples", ACR_HASH, "sha3-256", "", "", "", "",
	  "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a", "", { 0 } },
	{ "FIPS 202 examples", ACR_HASH, "shake128", "", "", "", "",
	  "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26", "", { 0 } },
	{ "RFC 7693 B", ACR_HASH, "blake2s256", "", "", "", "'abc",
	  "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982", "", { 0 } },
	{ "GB/T 32905 A.1", ACR_HASH, "sm3", "", "", "", "'abc",
	  "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0", "", { 0 } },

	/* MACs */
	{ "RFC 4231 4.2", ACR_MAC, "hmac-sha256", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "",
	  "", "'Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	  "", { 0 } },
	{ "RFC 4231 4.6 (truncated)", ACR_MAC, "hmac-sha256",
	  "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "", "", "'Test With Truncation",
	  "a3b6167473100ee06e0c796c2955552b", "", { 0 } },
	{ "RFC 4493 4, example 2", ACR_MAC, "cmac-aes-128", NIST, "", "", BLOCK1,
	  "070a16b46b4d4144f79bdd9dd04a287c", "", { 0 } },
	{ "GCM test case 1", ACR_MAC, "gmac-aes-128", "00000000000000000000000000000000",
	  "000000000000000000000000", "", "", "58e2fccefa7e3061367f1d57a4e7455a", "", { 0 } },
	{ "SP 800-185 KMAC sample 1", ACR_MAC, "kmac-128",
	  "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f", "", "", "00010203",
	  "e5780b0d3ea6f7d3a429c5706aa43a00fadbd7d49628839e3187243f456ee14e", "", { 0 } },
	{ "SP 800-185 KMAC sample 2", ACR_MAC, "kmac-128",
	  "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f", "",
	  "'My Tagged Application", "00010203",
	  "3b1fba963cd8b0b59e8c1a6d71888b7143651af8ba0a7070c0979e2811324aa5", "", { 0 } },
	{ "RFC 8439 2.5.2", ACR_MAC, "poly1305",
	  "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b", "", "",
	  "'Cryptographic Forum Research Group", "a8061dc1305136c6c22b8baf0c0127a9", "", { 0 } },

	/* derivation */
	{ "RFC 5869 A.1", ACR_DERIVE, "hkdf-sha256", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9", "",
	  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
	  "", { 0 } },
	{ "RFC 5869 A.3 (no salt, no info)", ACR_DERIVE, "hkdf-sha256",
	  "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "", "",
	  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
	  "", { 0 } },
	{ "RFC 6070 2", ACR_DERIVE, "pbkdf2-sha1", "'password", "'salt", "", "",
	  "4b007901b765489abead49d926f721d065a429c1", "", { .iterations = 4096 } },
	{ "RFC 7914 12 (nothing in)", ACR_DERIVE, "scrypt", "", "", "", "",
	  "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
	  "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906",
	  "", { .n = 16, .r = 1, .p = 1 } },
};

#endif
