# SPDX-License-Identifier: LGPL-2.1-or-later
"""Known answers for digests, MACs and key derivation, typed from their standards.

A row is (op, alg, source, files, answer): files are the byte and text files to write, bytes or
str; the answer is in hex. A source that begins with "self:" is not published: the rest says
how the answer was computed without acrypto."""

ROWS = []


def add(op, alg, source, answer, **files):
    ROWS.append((op, alg, source, files, answer))


def unhex(text):
    return bytes.fromhex(text)


SEQ = bytes(range(256))

# ---- Digests ----

HASH_SOURCES = {
    "md5": "RFC 1321 A.5", "sha1": "FIPS 180-4 examples", "sha224": "FIPS 180-4 examples",
    "sha256": "FIPS 180-4 examples", "sha384": "FIPS 180-4 examples",
    "sha512": "FIPS 180-4 examples", "sha512-224": "FIPS 180-4 examples",
    "sha512-256": "FIPS 180-4 examples", "sha3-224": "FIPS 202, NIST CAVP",
    "sha3-256": "FIPS 202, NIST CAVP", "sha3-384": "FIPS 202, NIST CAVP",
    "sha3-512": "FIPS 202, NIST CAVP", "blake2b512": "RFC 7693 A", "blake2s256": "RFC 7693 B",
    "sm3": "GB/T 32905-2016 A.1",
}
HASH_ABC = {
    "md5": "900150983cd24fb0d6963f7d28e17f72",
    "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "sha224": "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha384": "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
              "8086072ba1e7cc2358baeca134c825a7",
    "sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "sha512-224": "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
    "sha512-256": "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
    "sha3-224": "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
    "sha3-256": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    "sha3-384": "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2"
                "98d88cea927ac7f539f1edf228376d25",
    "sha3-512": "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
                "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
    "blake2b512": "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                  "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
    "blake2s256": "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
    "sm3": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
}
for name, digest in HASH_ABC.items():
    add("hash", name, HASH_SOURCES[name], digest, src=b"abc")
add("hash", "shake128", "FIPS 202, NIST examples, empty message",
    "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26", src=b"")
add("hash", "shake128", "FIPS 202, NIST examples, empty message, 16 bytes",
    "7f9c2ba4e88f827d616045507605853e", src=b"", length="16")
add("hash", "shake256", "FIPS 202, NIST examples, empty message",
    "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f"
    "d75dc4ddd8c0f200cb05019d67b592f6fc821c49479ab48640292eacb3b7c4be", src=b"")

# ---- HMAC ----

JEFE = {"key": b"Jefe", "src": b"what do ya want for nothing?"}
HMAC_JEFE = {
    "md5": ("RFC 2202 2.2", "750c783e6ab0b503eaa86e310a5db738"),
    "sha1": ("RFC 2202 3.2", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    "sha224": ("RFC 4231 4.3", "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
    "sha256": ("RFC 4231 4.3", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    "sha384": ("RFC 4231 4.3", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47"
                               "e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"),
    "sha512": ("RFC 4231 4.3", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                               "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"),
}
for name, (source, mac) in HMAC_JEFE.items():
    add("mac", f"hmac-{name}", source, mac, **JEFE)
HMAC_SHA3 = {
    "sha3-224": (28, "332cfd59347fdb8e576e77260be4aba2d6dc53117b3bfb52c6d18c04"),
    "sha3-256": (32, "4fe8e202c4f058e8dddc23d8c34e467343e23555e24fc2f025d598f558f67205"),
    "sha3-384": (48, "d588a3c51f3f2d906e8298c1199aa8ff6296218127f6b38a"
                     "90b6afe2c5617725bc99987f79b22a557b6520db710b7f42"),
    "sha3-512": (64, "4efd629d6c71bf86162658f29943b1c308ce27cdfa6db0d9c3ce81763f9cbce5"
                     "f7ebe9868031db1a8f8eb7b6b95e5c5e3f657a8996c86a2f6527e307f0213196"),
}
for name, (size, mac) in HMAC_SHA3.items():
    add("mac", f"hmac-{name}", "NIST examples, HMAC with SHA-3, sample 1", mac,
        key=SEQ[:size], src=b"Sample message for keylen<blocklen")
HMAC_SELF = {
    "sha512-224": "4a530b31a79ebcce36916546317c45f247d83241dfb818fd37254bde",
    "sha512-256": "6df7b24630d5ccb2ee335407081a87188c221489768fa2020513b2d593359456",
    "blake2b512": "6ff884f8ddc2a6586b3c98a4cd6ebdf14ec10204b6710073eb5865ade37a2643"
                  "b8807c1335d107ecdb9ffeaeb6828c4625ba172c66379efcd222c2de11727ab4",
    "blake2s256": "90b6281e2f3038c9056af0b4a7e763cae6fe5d9eb4386a0ec95237890c104ff0",
    "sm3": "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
}
for name, mac in HMAC_SELF.items():
    add("mac", f"hmac-{name}", "self: Python hmac over hashlib", mac, **JEFE)

# ---- CMAC, GMAC, KMAC, Poly1305 ----

CMAC_SRC = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                 "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
CMAC = {
    ("aes-128", "2b7e151628aed2a6abf7158809cf4f3c"): {
        0: "bb1d6929e95937287fa37d129b756746", 16: "070a16b46b4d4144f79bdd9dd04a287c",
        40: "dfa66747de9ae63030ca32611497c827", 64: "51f0bebf7e3b9d92fc49741779363cfe"},
    ("aes-192", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"): {
        0: "d17ddf46adaacde531cac483de7a9367", 16: "9e99a7bf31e710900662f65e617c5184",
        64: "a1d5df0eed790f794d77589659f39a11"},
    ("aes-256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"): {
        0: "028962f61b7bf89efc6b551f4667d983", 16: "28a7023f452e8f82bd4bf28d8c37c35c",
        64: "e1992190549f6ed5696a2c056c315410"},
    ("des-ede3", "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5"): {
        0: "b7a688e122ffaf95", 8: "8e8f293136283797"},
}
for (name, key), macs in CMAC.items():
    for size, mac in macs.items():
        add("mac", f"cmac-{name}", "NIST SP 800-38B D", mac, key=unhex(key), src=CMAC_SRC[:size])
GMAC_EMPTY = {128: "58e2fccefa7e3061367f1d57a4e7455a", 192: "cd33b28ac773f74ba00ed1f312572435",
              256: "530f8afbc74536b9a963b4f1c4cb738b"}
for bits, mac in GMAC_EMPTY.items():
    add("mac", f"gmac-aes-{bits}", "GCM specification (McGrew, Viega), cases 1, 7, 13", mac,
        key=bytes(bits // 8), iv=bytes(12), src=b"")
MACSEC = {"iv": unhex("12153524c0895e81b2c28465"), "src": unhex(
    "d609b1f056637a0d46df998d88e5222ab2c2846512153524c0895e8108000f101112131415161718191a1b1c"
    "1d1e1f202122232425262728292a2b2c2d2e2f30313233340001")}
add("mac", "gmac-aes-128", "IEEE 802.1AE C.1, 54-byte packet", "f09478a9b09007d06f46e9b6a1da25dd",
    key=unhex("ad7a2bd03eac835a6f620fdcb506b345"), **MACSEC)
add("mac", "gmac-aes-256", "IEEE 802.1AE C.1, 54-byte packet", "2f0bc5af409e06d609ea8b7d0fa5ea50",
    key=unhex("e3c08a8f06c6e3ad95a70557b23f75483ce33021a9c72b7025666204c69c0b72"), **MACSEC)
KMAC_KEY = SEQ[0x40:0x60]
add("mac", "kmac-128", "NIST SP 800-185 KMAC sample 1",
    "e5780b0d3ea6f7d3a429c5706aa43a00fadbd7d49628839e3187243f456ee14e",
    key=KMAC_KEY, src=SEQ[:4])
add("mac", "kmac-128", "NIST SP 800-185 KMAC sample 2",
    "3b1fba963cd8b0b59e8c1a6d71888b7143651af8ba0a7070c0979e2811324aa5",
    key=KMAC_KEY, src=SEQ[:4], aad=b"My Tagged Application")
add("mac", "kmac-256", "NIST SP 800-185 KMAC sample 4",
    "20c570c31346f703c9ac36c61c03cb64c3970d0cfc787e9b79599d273a68d2f7"
    "f69d4cc3de9d104a351689f27cf6f5951f0103f33f4f24871024d9c27773a8dd",
    key=KMAC_KEY, src=SEQ[:4], aad=b"My Tagged Application")
add("mac", "poly1305", "RFC 8439 2.5.2", "a8061dc1305136c6c22b8baf0c0127a9",
    key=unhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
    src=b"Cryptographic Forum Research Group")

# ---- Key derivation ----

HKDF_1 = {"key": b"\x0b" * 22, "iv": SEQ[:13], "aad": SEQ[0xf0:0xfa], "length": "42"}
add("derive", "hkdf-sha256", "RFC 5869 A.1",
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    **HKDF_1)
add("derive", "hkdf-sha256", "RFC 5869 A.3 (no salt, no info)",
    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    key=b"\x0b" * 22, length="42")
add("derive", "hkdf-sha1", "RFC 5869 A.4",
    "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896",
    **{**HKDF_1, "key": b"\x0b" * 11})
HKDF_SELF = {
    "md5": "b222c9db38d17b2fea8b3bb511c0d6d86049ef481ba7065ca5c6422618ed9cc9"
           "144900e2c72b6a863a31",
    "sha224": "2f21cd7cbc818ca5c561b933728e2e08e154a87e1432399a820dee13aa222d0c"
              "ee6152fa539ab70f8e80",
    "sha384": "9b5097a86038b805309076a44b3a9f38063e25b516dcbf369f394cfab43685f7"
              "48b6457763e4f0204fc5",
    "sha512": "832390086cda71fb47625bb5ceb168e4c8e26a1a16ed34d9fc7fe92c14815793"
              "38da362cb8d9f925d7cb",
    "sha512-224": "f8d956e152b0fba831bac400f1a5af54982b91db3d96ae21a75655eff1725f92"
                  "8e491c63f3aedb408296",
    "sha512-256": "789a93e567a1861de449342b2d674c0df737fd8adce2a8e1843237c1938ac413"
                  "044b496ce267a198ebe3",
    "sha3-224": "5058867fc7bdb118ce6a703add6edbf8e2ce21f5766cfc2e662e1a36ff6922fa"
                "96fc149517cf1e451fe6",
    "sha3-256": "0c5160501d65021deaf2c14f5abce04c5bd2635abceeba61c2edb6e8ed726749"
                "00557728f2c9f2c4c179",
    "sha3-384": "138d8521e5a346a9cb770f762b9c04d9ca317409fb6a3ef9cb905228385589ae"
                "883bbe8b07b009f0e08b",
    "sha3-512": "40e9f17e9bf2ef99425c2b23ccdf20a018ea5513f9ae68e1ea8c626deb57dfa4"
                "d56c27ccf2a2a24488a5",
    "blake2b512": "8815e1a85b5e90e6174323fdd180248887a7138af6dc5c8320fde21a60a07880"
                  "8267d6a41b6a938d7b30",
    "blake2s256": "1472c31f2ff768c71b19f8803683ee3b13c1a5fb3ea59c0c3bf0d44a4a40dcd4"
                  "329d9cd85bbe35a1b3e7",
    "sm3": "c69fe91b7aaee2dd5718d72dcaee0cce93f1b8e41f792da51261b6a517e68b36"
           "ed2c595572b01dfa359b",
}
for name, okm in HKDF_SELF.items():
    add("derive", f"hkdf-{name}", "self: RFC 5869 over Python hmac", okm, **HKDF_1)
add("derive", "pbkdf2-sha1", "RFC 6070, second",
    "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957", key=b"password", iv=b"salt",
    params="iterations=2", length="20")
add("derive", "pbkdf2-sha1", "RFC 6070, fifth",
    "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038", key=b"passwordPASSWORDpassword",
    iv=b"saltSALTsaltSALTsaltSALTsaltSALTsalt", params="iterations=4096", length="25")
add("derive", "pbkdf2-sha256", "RFC 7914 11, first",
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
    "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783", key=b"passwd", iv=b"salt",
    params="iterations=1", length="64")
PBKDF2_SELF = {
    "md5": "8d189946a32d883622a16ae18af0632f5791d5e7b1abb0ab1757d28ce3405614"
           "0335105994495f91",
    "sha224": "d3bcf320fd918908eafcaa460faf40e201f6508d4e6f3d9c1c0abd30dae08cc8"
              "b1bc0657e2ebc229",
    "sha384": "3bd37e2236941d4a77b1b5b714c6f913fabb6b0841a6d7d8656b99d611e900fe"
              "06edb93b5b809efa",
    "sha512": "afe6c5530785b6cc6b1c6453384731bd5ee432ee549fd42fb6695779ad8a1c5b"
              "f59de69c48f774ef",
    "sha512-224": "2f7dd7172b0324e8234fb87a2a789b8ca20f613fb043be228e1edbfc159a909f"
                  "4b9d36ec651e5b05",
    "sha512-256": "f7e4fb1d98c78b615f585f974af8cd97651a244f4c5004189d136fed65652fa0"
                  "0e3e2060276cbcea",
    "sha3-224": "2c63ae34f3c11883e945e556cfe40c4d73541622785040f2c4296fa53966d6c0"
                "65a55e7286113ee1",
    "sha3-256": "ee56a9b7311bb081d0bbfa8dc3c2798f30abbbec6344426829d956ed06eaecab"
                "abea954d5ce17217",
    "sha3-384": "67cf75e77d56c7366a1d5400b36aa165cb907043e6c6fee119540dc728993440"
                "2d8a03ec8a1fb01d",
    "sha3-512": "e697001cf40fe4623eb67df2ddab791a499451234957133097deffce766fc983"
                "9e4642de2a1cfea8",
    "blake2b512": "bea9c4f32ea86aa9965157f6eaa2c5e8d8e0362ea12e3af854d1d5db62b276a9"
                  "53a99e467a931a30",
    "blake2s256": "d391c613d78eb54e4119a2fa87118db72288ab4127183f535bfa534c0cc82541"
                  "a35f8c979877dfe7",
    "sm3": "e8b635a41dfe5aaab7cf828cff6f3608e22cac59ba16edd70e000b293d00bc91"
           "18504f57ab46673d",
}
for name, okm in PBKDF2_SELF.items():
    add("derive", f"pbkdf2-{name}", "self: RFC 8018 over Python hmac", okm, key=b"password",
        iv=b"salt", params="iterations=1000", length="40")
add("derive", "scrypt", "RFC 7914 12, first",
    "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
    "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906", key=b"hex:",
    params="n=16 r=1 p=1", length="64")
add("derive", "scrypt", "RFC 7914 12, second",
    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
    "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640", key=b"password",
    iv=b"NaCl", params="n=1024 r=8 p=16", length="64")
