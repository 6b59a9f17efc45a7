/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an example of a standard is longer than two blocks, the first two are taken. */
#include "kat.h"

/* clang-format off */
const struct acr_known acr_known[] = {
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-128-ecb",
	  .key = "2b7e151628aed2a6abf7158809cf4f3c",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-192-ecb",
	  .key = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-256-ecb",
	  .key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-128-cbc",
	  .key = "2b7e151628aed2a6abf7158809cf4f3c",
	  .iv = "000102030405060708090a0b0c0d0e0f",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-192-cbc",
	  .key = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	  .iv = "000102030405060708090a0b0c0d0e0f",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-256-cbc",
	  .key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	  .iv = "000102030405060708090a0b0c0d0e0f",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-128-cfb",
	  .key = "2b7e151628aed2a6abf7158809cf4f3c",
	  .iv = "000102030405060708090a0b0c0d0e0f",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-128-ofb",
	  .key = "2b7e151628aed2a6abf7158809cf4f3c",
	  .iv = "000102030405060708090a0b0c0d0e0f",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-128-ctr",
	  .key = "2b7e151628aed2a6abf7158809cf4f3c",
	  .iv = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-192-ctr",
	  .key = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	  .iv = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94" },
	/* NIST SP 800-38A F */
	{ ACR_ENCRYPT, "aes-256-ctr",
	  .key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	  .iv = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  .src = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  .dst = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5" },
	/* IEEE 1619 vector 2 */
	{ ACR_ENCRYPT, "aes-128-xts",
	  .key = "1111111111111111111111111111111122222222222222222222222222222222",
	  .iv = "33333333330000000000000000000000",
	  .src = "4444444444444444444444444444444444444444444444444444444444444444",
	  .dst = "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0" },
	/* IEEE 1619 vector 10, first 32 bytes */
	{ ACR_ENCRYPT, "aes-256-xts",
	  .key = "271828182845904523536028747135266249775724709369995957496696762731415926"
		"53589793238462643383279502884197169399375105820974944592",
	  .iv = "ff000000000000000000000000000000",
	  .src = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  .dst = "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b" },
	/* GCM specification (McGrew, Viega), cases 4, 10, 16 */
	{ ACR_ENCRYPT, "aes-128-gcm",
	  .key = "feffe9928665731c6d6a8f9467308308",
	  .iv = "cafebabefacedbaddecaf888",
	  .aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  .src = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95"
		"956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  .dst = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b2"
		"5466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
	  .tag = "5bc94fbc3221a5db94fae95ae7121a47" },
	/* GCM specification (McGrew, Viega), cases 4, 10, 16 */
	{ ACR_ENCRYPT, "aes-192-gcm",
	  .key = "feffe9928665731c6d6a8f9467308308feffe9928665731c",
	  .iv = "cafebabefacedbaddecaf888",
	  .aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  .src = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95"
		"956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  .dst = "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00"
		"c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
	  .tag = "2519498e80f1478f37ba55bd6d27618c" },
	/* GCM specification (McGrew, Viega), cases 4, 10, 16 */
	{ ACR_ENCRYPT, "aes-256-gcm",
	  .key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  .iv = "cafebabefacedbaddecaf888",
	  .aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  .src = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95"
		"956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  .dst = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48"
		"590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	  .tag = "76fc6ece0f4e1768cddf8853bb2d551b" },
	/* NIST SP 800-38C example 2 */
	{ ACR_ENCRYPT, "aes-128-ccm",
	  .key = "404142434445464748494a4b4c4d4e4f",
	  .iv = "1011121314151617",
	  .aad = "000102030405060708090a0b0c0d0e0f",
	  .src = "202122232425262728292a2b2c2d2e2f",
	  .dst = "d2a1f0e051ea5f62081a7792073d593d",
	  .tag = "1fc64fbfaccd" },
	/* NIST CAVP VADT256 */
	{ ACR_ENCRYPT, "aes-256-ccm",
	  .key = "26511fb51fcfa75cb4b44da75a6e5a0eb8d9c8f3b906f886df3ba3e6da3a1389",
	  .iv = "72a60f345a1978fb40f28a2fa4",
	  .src = "30d56ff2a25b83fee791110fcaea48e41db7c7f098a81000",
	  .dst = "55f068c0bbba8b598013dd1841fd740fda2902322148ab5e",
	  .tag = "935753e601b79db4ae730b6ae3500731" },
	/* RFC 8439 2.8.2 */
	{ ACR_ENCRYPT, "chacha20-poly1305",
	  .key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  .iv = "070000004041424344454647",
	  .aad = "50515253c0c1c2c3c4c5c6c7",
	  .src = "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66"
		"202739393a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e6520"
		"74697020666f7220746865206675747572652c2073756e73637265656e20776f756c6420"
		"62652069742e",
	  .dst = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e"
		"8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c"
		"9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d265"
		"86cec64b6116",
	  .tag = "1ae10b594f09e26a7e902ecbd0600691" },
	/* FIPS 81 B to E */
	{ ACR_ENCRYPT, "des-ecb",
	  .key = "0123456789abcdef",
	  .src = "4e6f77206973207468652074696d6520666f7220616c6c20",
	  .dst = "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53" },
	/* FIPS 81 B to E */
	{ ACR_ENCRYPT, "des-cbc",
	  .key = "0123456789abcdef",
	  .iv = "1234567890abcdef",
	  .src = "4e6f77206973207468652074696d6520666f7220616c6c20",
	  .dst = "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6" },
	/* NIST SP 800-67 B.1 */
	{ ACR_ENCRYPT, "des-ede3-ecb",
	  .key = "0123456789abcdef23456789abcdef01456789abcdef0123",
	  .src = "54686520717566636b2062726f776e20666f78206a756d70",
	  .dst = "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900" },
	/* NIST CAVP TCBCMMT3 */
	{ ACR_ENCRYPT, "des-ede3-cbc",
	  .key = "a49d7564199e97cb529d2c9d97bf2f98d35edf57ba1f7358",
	  .iv = "c2e999cb6249023c",
	  .src = "c689aee38a301bb316da75db36f110b5",
	  .dst = "e9afaba5ec75ea1bbe65506655bb4ecb" },
	/* RFC 3713 A */
	{ ACR_ENCRYPT, "camellia-128-ecb",
	  .key = "0123456789abcdeffedcba9876543210",
	  .src = "0123456789abcdeffedcba9876543210",
	  .dst = "67673138549669730857065648eabe43" },
	/* RFC 5794 A */
	{ ACR_ENCRYPT, "aria-128-ecb",
	  .key = "000102030405060708090a0b0c0d0e0f",
	  .src = "00112233445566778899aabbccddeeff",
	  .dst = "d718fbd6ab644c739da95f3be6451778" },
	/* GB/T 32907-2016 A.1 */
	{ ACR_ENCRYPT, "sm4-ecb",
	  .key = "0123456789abcdeffedcba9876543210",
	  .src = "0123456789abcdeffedcba9876543210",
	  .dst = "681edf34d206965e86b3e94f536e4246" },
	/* draft-ribose-cfrg-sm4-10 A.2 */
	{ ACR_ENCRYPT, "sm4-cbc",
	  .key = "0123456789abcdeffedcba9876543210",
	  .iv = "000102030405060708090a0b0c0d0e0f",
	  .src = "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffaaaaaaaabbbbbbbb",
	  .dst = "78ebb11cc40b0a48312aaeb2040244cb4cb7016951909226979b0d15dc6a8f6d" },
	/* RFC 1321 A.5 */
	{ ACR_HASH, "md5", .src = "616263",
	  .dst = "900150983cd24fb0d6963f7d28e17f72" },
	/* FIPS 180-4 examples */
	{ ACR_HASH, "sha1", .src = "616263",
	  .dst = "a9993e364706816aba3e25717850c26c9cd0d89d" },
	/* FIPS 180-4 examples */
	{ ACR_HASH, "sha224", .src = "616263",
	  .dst = "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
	/* FIPS 180-4 examples */
	{ ACR_HASH, "sha256", .src = "616263",
	  .dst = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	/* FIPS 180-4 examples */
	{ ACR_HASH, "sha384", .src = "616263",
	  .dst = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072b"
		"a1e7cc2358baeca134c825a7" },
	/* FIPS 180-4 examples */
	{ ACR_HASH, "sha512", .src = "616263",
	  .dst = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a"
		"274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	/* FIPS 202, NIST CAVP */
	{ ACR_HASH, "sha3-256", .src = "616263",
	  .dst = "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532" },
	/* FIPS 202, NIST CAVP */
	{ ACR_HASH, "sha3-512", .src = "616263",
	  .dst = "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9"
		"192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0" },
	/* RFC 7693 A */
	{ ACR_HASH, "blake2b512", .src = "616263",
	  .dst = "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c539"
		"2aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923" },
	/* GB/T 32905-2016 A.1 */
	{ ACR_HASH, "sm3", .src = "616263",
	  .dst = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" },
	/* RFC 2202 2.2 */
	{ ACR_MAC, "hmac-md5", .key = "4a656665",
	  .src = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  .dst = "750c783e6ab0b503eaa86e310a5db738" },
	/* RFC 2202 3.2 */
	{ ACR_MAC, "hmac-sha1", .key = "4a656665",
	  .src = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  .dst = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	/* RFC 4231 4.3 */
	{ ACR_MAC, "hmac-sha224", .key = "4a656665",
	  .src = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  .dst = "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44" },
	/* RFC 4231 4.3 */
	{ ACR_MAC, "hmac-sha256", .key = "4a656665",
	  .src = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  .dst = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	/* RFC 4231 4.3 */
	{ ACR_MAC, "hmac-sha384", .key = "4a656665",
	  .src = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  .dst = "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca"
		"5e69e2c78b3239ecfab21649" },
	/* RFC 4231 4.3 */
	{ ACR_MAC, "hmac-sha512", .key = "4a656665",
	  .src = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  .dst = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75"
		"c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	/* NIST SP 800-38B D */
	{ ACR_MAC, "cmac-aes-128", .key = "2b7e151628aed2a6abf7158809cf4f3c",
	  .src = "6bc1bee22e409f96e93d7e117393172a",
	  .dst = "070a16b46b4d4144f79bdd9dd04a287c" },
	/* NIST SP 800-38B D */
	{ ACR_MAC, "cmac-aes-192", .key = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	  .src = "6bc1bee22e409f96e93d7e117393172a",
	  .dst = "9e99a7bf31e710900662f65e617c5184" },
	/* NIST SP 800-38B D */
	{ ACR_MAC, "cmac-aes-256", .key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	  .src = "6bc1bee22e409f96e93d7e117393172a",
	  .dst = "28a7023f452e8f82bd4bf28d8c37c35c" },
	/* NIST SP 800-38B D */
	{ ACR_MAC, "cmac-des-ede3", .key = "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
	  .src = "6bc1bee22e409f96",
	  .dst = "8e8f293136283797" },
	/* RFC 5869 A.1 */
	{ ACR_DERIVE, "hkdf-sha256",
	  .key = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  .iv = "000102030405060708090a0b0c", .aad = "f0f1f2f3f4f5f6f7f8f9",
	  .dst = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208"
		"d5b887185865" },
	/* RFC 6070, fifth */
	{ ACR_DERIVE, "pbkdf2-sha1",
	  .key = "70617373776f726450415353574f524470617373776f7264",
	  .iv = "73616c7453414c5473616c7453414c5473616c7453414c5473616c7453414c5473616c74", .iterations = 4096,
	  .dst = "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038" },
};
/* clang-format on */

const unsigned acr_known_count = sizeof acr_known / sizeof acr_known[0];
