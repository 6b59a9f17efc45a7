# SPDX-License-Identifier: LGPL-2.1-or-later
"""Known answers for ciphers, AEADs and key wrap, typed from their standards.

A row is (alg, source, key, iv, aad, src, dst, tag), all but the first two in hex; the
operation is `encrypt`, and each row also holds backwards. A source that begins with "self:"
is not published: the rest says how the answer was computed without acrypto."""

ROWS = []


def add(alg, source, key, src, dst, iv="", aad="", tag=""):
    ROWS.append((alg, source, key, iv, aad, src, dst, tag))


SEQ = bytes(range(256)).hex()  # 000102...

# ---- NIST SP 800-38A, appendix F: four blocks, three keys ----

SP38A_KEYS = {
    128: "2b7e151628aed2a6abf7158809cf4f3c",
    192: "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
    256: "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
}
SP38A_SRC = ("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
             "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
SP38A_IV = SEQ[:32]
SP38A_CTR = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

AES_SP38A = {
    ("ecb", 128): "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
                  "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
    ("ecb", 192): "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef"
                  "ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e",
    ("ecb", 256): "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"
                  "b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7",
    ("cbc", 128): "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
                  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    ("cbc", 192): "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
                  "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
    ("cbc", 256): "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
                  "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
    ("cfb", 128): "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
                  "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6",
    ("cfb", 192): "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a"
                  "2e1e8a1dd59b88b1c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff",
    ("cfb", 256): "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b"
                  "df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471",
    ("ofb", 128): "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"
                  "9740051e9c5fecf64344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e",
    ("ofb", 192): "cdc80d6fddf18cab34c25909c99a4174fcc28b8d4c63837c09e81700c1100401"
                  "8d9a9aeac0f6596f559c6d4daf59a5f26d9f200857ca6c3e9cac524bd9acc92a",
    ("ofb", 256): "dc7e84bfda79164b7ecd8486985d38604febdc6740d20b3ac88f6ad82a4fb08d"
                  "71ab47a086e86eedf39d1c5bba97c4080126141d67f37be8538f5a8be740e484",
    ("ctr", 128): "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
                  "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
    ("ctr", 192): "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
                  "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
    ("ctr", 256): "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
                  "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
}
for (mode, bits), dst in AES_SP38A.items():
    iv = {"ecb": "", "ctr": SP38A_CTR}.get(mode, SP38A_IV)
    add(f"aes-{bits}-{mode}", "NIST SP 800-38A F", SP38A_KEYS[bits], SP38A_SRC, dst, iv)
for bits, dst in ((128, "69c4e0d86a7b0430d8cdb78070b4c55a"),
                  (192, "dda97ca4864cdfe06eaf70a0ec0d7191"),
                  (256, "8ea2b7ca516745bfeafc49904b496089")):
    add(f"aes-{bits}-ecb", "FIPS 197 C", SEQ[:bits // 4], "00112233445566778899aabbccddeeff", dst)

# ---- AES-XTS ----

add("aes-128-xts", "IEEE 1619 vector 2", "11" * 16 + "22" * 16, "44" * 32,
    "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0",
    iv="3333333333" + "00" * 11)
add("aes-256-xts", "IEEE 1619 vector 10, first 32 bytes",
    "2718281828459045235360287471352662497757247093699959574966967627"
    "3141592653589793238462643383279502884197169399375105820974944592", SEQ[:64],
    "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b", iv="ff" + "00" * 15)

# ---- GCM: McGrew and Viega, test cases 4, 10 and 16 ----

GCM = {
    128: ("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
          "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
          "5bc94fbc3221a5db94fae95ae7121a47"),
    192: ("3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
          "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
          "2519498e80f1478f37ba55bd6d27618c"),
    256: ("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
          "76fc6ece0f4e1768cddf8853bb2d551b"),
}
GCM_KEY = "feffe9928665731c6d6a8f9467308308" * 2
GCM_AAD = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
for bits, (dst, tag) in GCM.items():
    add(f"aes-{bits}-gcm", "GCM specification (McGrew, Viega), cases 4, 10, 16",
        GCM_KEY[:bits // 4],
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39", dst,
        iv="cafebabefacedbaddecaf888", aad=GCM_AAD, tag=tag)

# ---- CCM ----

CCM_KEY = "404142434445464748494a4b4c4d4e4f"
add("aes-128-ccm", "NIST SP 800-38C example 1", CCM_KEY, "20212223", "7162015b",
    iv="10111213141516", aad=SEQ[:16], tag="4dac255d")
add("aes-128-ccm", "NIST SP 800-38C example 2", CCM_KEY, "202122232425262728292a2b2c2d2e2f",
    "d2a1f0e051ea5f62081a7792073d593d", iv="1011121314151617", aad=SEQ[:32], tag="1fc64fbfaccd")
add("aes-192-ccm", "NIST CAVP VADT192",
    "9748798c0f3cc766795c8ce0e4c979c1930dfe7faefea84a",
    "100fa71462277d76ca81f2cfdb3d39d3894b0ca28074a0f0",
    "36e2415b4f888a6072f260d7e786d803be16f8b9cbee112d",
    iv="cdf4ba655acfe8e2134fa0542f", aad="67", tag="7ff74e3b05b7d7c13284573bd3e7e481")
add("aes-256-ccm", "NIST CAVP VADT256",
    "26511fb51fcfa75cb4b44da75a6e5a0eb8d9c8f3b906f886df3ba3e6da3a1389",
    "30d56ff2a25b83fee791110fcaea48e41db7c7f098a81000",
    "55f068c0bbba8b598013dd1841fd740fda2902322148ab5e",
    iv="72a60f345a1978fb40f28a2fa4", tag="935753e601b79db4ae730b6ae3500731")

# ---- OCB: RFC 7253 A; the iterated results for 192 and 256 bits are in OCB_ITERATED ----

add("aes-128-ocb", "RFC 7253 A", SEQ[:32], "0001020304050607", "6820b3657b6f615a",
    iv="bbaa99887766554433221101", aad="0001020304050607",
    tag="5725bda0d3b4eb3a257c9af1f8f03009")
add("aes-192-ocb", "self: python3-cryptography AESOCB3", SEQ[:48], SEQ[:80],
    "0da63583c1df947468d899fb2c65dc95461ac575fd010a47095e351c9aef372ab584654f3b09baa2",
    iv="bbaa9988776655443322110f", aad=SEQ[:32], tag="6441ae7d7372c228e81594e71eea6857")
add("aes-256-ocb", "self: python3-cryptography AESOCB3", SEQ[:64], SEQ[:80],
    "38a6cba4d0d8d9e988113c62e80248ddcd2ae84fbfe18b2211a2b55faa83a6f27979c6ef72115dd1",
    iv="bbaa9988776655443322110f", aad=SEQ[:32], tag="68994224eff588b465737a94c4890a0d")
# RFC 7253 A, last paragraphs: the tag of the tags of a 128-round loop.
OCB_ITERATED = {
    "aes-128-ocb": "67e944d23256c5e0b6c61fa22fdf1ea2",
    "aes-192-ocb": "f673f2c3e7174aae7bae986ca9f29e17",
    "aes-256-ocb": "d90eb8e9c977c88b79dd793d7ffa161c",
}

# ---- GCM-SIV: RFC 8452 C.1 and C.2 ----

add("aes-128-gcm-siv", "RFC 8452 C.1", "01" + "00" * 15, "0100000000000000", "b5d839330ac7b786",
    iv="03" + "00" * 11, tag="578782fff6013b815b287c22493a364c")
add("aes-192-gcm-siv", "self: a Python GCM-SIV that passes RFC 8452 C.1 and C.2",
    "01" + "00" * 23, "0100000000000000", "0e49fb119666c8ae", iv="03" + "00" * 11,
    tag="6b0606875a845eec145f44ae5b92e834")
add("aes-256-gcm-siv", "RFC 8452 C.2", "01" + "00" * 31, "0100000000000000", "c2ef328e5c71c83b",
    iv="03" + "00" * 11, tag="843122130f7364b761e0b97427e3df28")

# ---- Key wrap ----

for bits, dst in ((128, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
                  (192, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
                  (256, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7")):
    add(f"aes-{bits}-wrap", "RFC 3394 4.1 to 4.3", SEQ[:bits // 4],
        "00112233445566778899aabbccddeeff", dst)
add("aes-256-wrap", "RFC 3394 4.6", SEQ[:64],
    "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
    "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21")
add("aes-128-wrap-pad", "self: python3-cryptography keywrap",
    "5840df6e29b02af1ab493b705bf16ea1", "c37b7e6492584340bed12207808941155068f738",
    "ed9f0ecfbb761b7365838733e3f42f81a049f077e901f63bfe0519e8a12e9bcf")
RFC5649_KEY = "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"
add("aes-192-wrap-pad", "RFC 5649 6", RFC5649_KEY, "c37b7e6492584340bed12207808941155068f738",
    "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a")
add("aes-192-wrap-pad", "RFC 5649 6", RFC5649_KEY, "466f7250617369",
    "afbeb0f07dfbf5419200f2ccb50bb24f")
add("aes-256-wrap-pad", "self: python3-cryptography keywrap", RFC5649_KEY + "0001020304050607",
    "c37b7e6492584340bed12207808941155068f738",
    "a3696fe696c7baa90972a62d5a334c353ca01cd2d02cb407d72a231e01ead9dd")

# ---- ChaCha20: RFC 8439 2.4.2 and 2.8.2 ----

SUNSCREEN = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
             b"the future, sunscreen would be it.").hex()
add("chacha20", "RFC 8439 2.4.2 (iv: little-endian counter 1, nonce)", SEQ[:64], SUNSCREEN,
    "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dab"
    "cd62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806"
    "818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d",
    iv="01000000000000000000004a00000000")
add("chacha20-poly1305", "RFC 8439 2.8.2", SEQ[256:320], SUNSCREEN,
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69"
    "da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad67594"
    "5585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
    iv="070000004041424344454647", aad="50515253c0c1c2c3c4c5c6c7",
    tag="1ae10b594f09e26a7e902ecbd0600691")

# ---- DES: FIPS 81; 3DES: SP 800-67 and the NIST CAVP multi-block tests with three keys ----

FIPS81 = (b"Now is the time for all ".hex(), "0123456789abcdef", "1234567890abcdef")
for mode, dst in (("ecb", "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53"),
                  ("cbc", "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"),
                  ("cfb", "f3096249c7f46e51a69e839b1a92f78403467133898ea622"),
                  ("ofb", "f3096249c7f46e5135f24a242eeb3d3f3d6d5be3255af8c3")):
    add(f"des-{mode}", "FIPS 81 B to E", FIPS81[1], FIPS81[0], dst,
        iv="" if mode == "ecb" else FIPS81[2])
add("des-ede3-ecb", "NIST SP 800-67 B.1", "0123456789abcdef23456789abcdef01456789abcdef0123",
    b"The qufck brown fox jump".hex(), "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900")
add("des-ede3-cbc", "NIST CAVP TCBCMMT3", "a49d7564199e97cb529d2c9d97bf2f98d35edf57ba1f7358",
    "c689aee38a301bb316da75db36f110b5", "e9afaba5ec75ea1bbe65506655bb4ecb",
    iv="c2e999cb6249023c")
add("des-ede3-cfb", "NIST CAVP TCFB64MMT3", "19b55e5b26769d516143bc61f79d946452795e9d3dbad0d3",
    "5f0fc5c6085d3f653ec52980a4af5b5b", "744b45a196330899df78e8e778049f1d",
    iv="97bfae1bd78ce0f9")
add("des-ede3-ofb", "NIST CAVP TOFBMMT3", "3ea7f4a819d56797e683687a32b6d6610b4307238079c7e9",
    "5c632f97a983f12aa7a57bfd1ac9dbb7", "deb1bbf11eebce856e506a5bc91b824b",
    iv="e9a012252338c1ff")

# ---- Camellia: RFC 3713, RFC 5528, and NTT's vectors in the modes of SP 800-38A ----

CAMELLIA_KEY = "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff"
for bits, dst in ((128, "67673138549669730857065648eabe43"),
                  (192, "b4993401b3e996f84ee5cee7d79b09b9"),
                  (256, "9acc237dff16d76c20ef7c919e3a7509")):
    add(f"camellia-{bits}-ecb", "RFC 3713 A", CAMELLIA_KEY[:bits // 4], CAMELLIA_KEY[:32], dst)
CAMELLIA = {
    ("cbc", 128): "1607cf494b36bbf00daeb0b503c831aba2f2cf671629ef7840c5a5dfb5074887",
    ("cbc", 192): "2a4830ab5ac4a1a2405955fd2195cf935d5a869bd14ce54264f892a6dd2ec3d5",
    ("cbc", 256): "e6cfa35fc02b134a4d2c0b6737ac3eda36cbeb73bd504b4070b1b7de2b21eb50",
    ("cfb", 128): "14f7646187817eb586599146b82bd719a53d28bb82df741103ea4f921a44880b",
    ("cfb", 192): "c832bb9780677daa82d9b6860dcd565e86f8491627906d780c7a6d46ea331f98",
    ("cfb", 256): "cf6107bb0cea7d7fb1bd31f5e7b06c9389bedb4ccdd864ea11ba4cbe849b5e2b",
    ("ofb", 128): "14f7646187817eb586599146b82bd719",
    ("ofb", 192): "c832bb9780677daa82d9b6860dcd565e",
    ("ofb", 256): "cf6107bb0cea7d7fb1bd31f5e7b06c93",
}
for (mode, bits), dst in CAMELLIA.items():
    # NTT's second OFB block is not chained to its first, so there the first stands alone.
    add(f"camellia-{bits}-{mode}", "NTT Camellia test vectors, SP 800-38A inputs",
        SP38A_KEYS[bits], SP38A_SRC[:len(dst)], dst, iv=SP38A_IV)
for bits, key, iv, dst in (
        (128, "ae6852f8121067cc4bf7a5765577f39e", "00000030" + "00" * 11 + "01",
         "d09dc29a8214619a20877c76db1f0b3f"),
        (192, "16af5b145fc9f579c175f93e3bfb0eed863d06ccfdb78515",
         "0000004836733c147d6d93cb00000001", "2379399e8a8d2b2b16702fc78b9e9696"),
        (256, "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c104",
         "00000060db5672c97aa8f0b200000001", "3401f9c8247effcebd6994714c1bbb11")):
    add(f"camellia-{bits}-ctr", "RFC 5528 4", key, b"Single block msg".hex(), dst, iv=iv)

# ---- ARIA: RFC 5794, KISA's mode vectors (first two blocks), RFC 8269, and the SRTP draft ----

for bits, dst in ((128, "d718fbd6ab644c739da95f3be6451778"),
                  (192, "26449c1805dbe7aa25a468ce263a9e79"),
                  (256, "f92bd7c79fb72e2f2b8f80c1972d24fc")):
    add(f"aria-{bits}-ecb", "RFC 5794 A", SEQ[:bits // 4], "00112233445566778899aabbccddeeff", dst)
ARIA = {
    ("cbc", 128): "49d61860b14909109cef0d22a9268134fadf9fb23151e9645fba75018bdb1538",
    ("cbc", 192): "afe6cf23974b533c672a826264ea785f4e4f7f780dc7f3f1e0962b80902386d5",
    ("cbc", 256): "523a8a806ae621f155fdd28dbc34e1ab7b9b42432ad8b2efb96e23b13f0a6e52",
    ("cfb", 128): "3720e53ba7d615383406b09f0a05a200c07c21e6370f413a5d132500a6828501",
    ("cfb", 192): "4171f7192bf4495494d2736129640f5c4d87a9a213664c9448477c6ecc201359",
    ("cfb", 256): "26834705b0f2c0e2588d4a7f09009635f28bb93d8c31f870ec1e0bdb082b66fa",
    ("ofb", 128): "3720e53ba7d615383406b09f0a05a2000063063f0560083483faeb041c8adece",
    ("ofb", 192): "4171f7192bf4495494d2736129640f5cc224d26d364b5a06ddde13d0f1e74faa",
    ("ofb", 256): "26834705b0f2c0e2588d4a7f0900963584c256815c4292b59f8d3f966a75b523",
    ("ctr", 128): "ac5d7de805a0bf1c57c854501af60fa11497e2a34519dea1569e91e5b5ccae2f",
    ("ctr", 192): "08625ca8fe569c19ba7af3760a6ed1cef4d199263e999dde14082dbba7560b79",
    ("ctr", 256): "30026c329666141721178b99c0a1f1b2f06940253f7b3089e2a30ea86aa3c88f",
}
for (mode, bits), dst in ARIA.items():
    add(f"aria-{bits}-{mode}", "KISA ARIA test vectors, first two blocks",
        ("00112233445566778899aabbccddeeff" * 2)[:bits // 4],
        "11111111aaaaaaaa11111111bbbbbbbb11111111cccccccc11111111dddddddd", dst,
        iv="00" * 16 if mode == "ctr" else "0f1e2d3c4b5a69788796a5b4c3d2e1f0")
RTP_SRC = (
    "f57af5fd4ae19562976ec57a5a7ad55a5af5c5e5c5fdf5c55ad57a4a7272d57262e9729566ed66e97ac54a4a"
    "5a7ad5e15ae5fdd5fd5ac5d56ae56ad5c572d54ae54ac55a956afd6aed5a4ac562957a9516991691d572fd14"
    "e97ae962ed7a9f4a955af572e162f57a956666e17ae1f54a95f566d54a66e16e4afd6a9f7ae1c5c55ae5d56a"
    "fde916c5e94a6ec56695e14afde1148416e94ad57ac5146ed59d1cc5")
RTP = {"iv": "000020e8f5eb00000000315e", "aad": "8008315ebf2e6fe020e8f5eb"}
RTP_KEY256 = "0c5ffd37a11edc42c325287fc0604f2e3e8cd5671a00fe3216aa5eb105783b54"
add("aria-128-gcm", "RFC 8269 A.1", "e91e5e75da65554a48181f3846349562", RTP_SRC,
    "4d8a9a0675550c704b17d8c9ddc81a5cd6f7da34f2fe1b3db7cb3dfb9697102ea0f3c1fc2dbc873d44bceeae"
    "8e4442974ba21ff6789d3272613fb9631a7cf3f14bacbeb421633a90ffbe58c2fa6bdca534f10d0de0502ce1"
    "d531b6336e58878278531e5c22bc6c85bbd784d78d9e680aa19031aaf89101d669d7a3965c1f7e16229d7463"
    "e0535f4e253f5d18187d40b8ae0f564bd970b5e7e2adfb211e89a953",
    tag="5abace3f37f5a736f4be984bbffbedc1", **RTP)
add("aria-192-gcm", "self: a Python GCM over openssl's ARIA-192-ECB that passes RFC 8269 A.1",
    SEQ[:48], RTP_SRC[:96],
    "1d495e2a07c64e2ec78b43a2eebb8878022056c4bb1f50cf9d684cd7446da5ce3d23afa852daeeb9800e0d2c"
    "0298d4bb", tag="b5ab306d054059b5ab7ea19c6fcc4bab", **RTP)
add("aria-256-gcm", "RFC 8269 A.2", RTP_KEY256, RTP_SRC,
    "6f9e4bcbc8c85fc0128fb1e4a0a20cb9932ff74581f54fc013dd054b19f99371425b352d97d3f337b90b63d1"
    "b082adeeea9d2d7391897d591b985e55fb50cb5350cf7d38dc27dda127c078a149c8eb98083d66363a46e372"
    "6af217d3a00275ad5bf772c7610ea4c23006878f0ee69a8397703169a419303f40b72e4573714d19e2697df6"
    "1e7c7252e5abc6bade876ac4961bfac4d5e867afca351a48aed52822",
    tag="e210d6ced2cf430ff841472915e7ef48", **RTP)
add("aria-128-ccm", "draft-ietf-avtcore-aria-srtp-02", "974bee725d44fc3992267b284c3c6750", RTP_SRC,
    "621e408a2e455505b39f704dcbac4307daabbd6d670abc4e42f2fd2fca263f094f4683e6fb0b10c5093d42b6"
    "9dce0ba546520e7c4400975713f3bde93ef131160b9cbcd6df78a1502be7c6ea8d395b9ed0078819c3105c0a"
    "b92cb67b16ba51bb1f53508738bf7a37c9a905439b88b7af9d51a407916fdfea8d43bf253721846dc1671391"
    "225fc58d9d0693c8ade6a4ffb034ee6543dd4e651b7a084eae60f855",
    tag="40f04b6467e300f6b336aedf9df4185b", **RTP)
add("aria-192-ccm", "self: a Python CCM over openssl's ARIA-192-ECB that passes the draft's",
    SEQ[:48], RTP_SRC[:96],
    "e68429d843c5b826b0b46bbd831f5f646bb054da78a066a792247e1a741e8171f35b84a6b7acdc522894db61"
    "70e7087e", tag="c659481b9420f28b1fb0a6ce9275c02f", **RTP)
add("aria-256-ccm", "draft-ietf-avtcore-aria-srtp-02", RTP_KEY256, RTP_SRC,
    "ff78128ee18ee3cb9fb0d20726a017ff67fbd09d3a4c38aa32f6d306d3fdda378e459b83ed005507449d6cd9"
    "81a4c1e3ff4193870c276ef09b6317a01a2283206ae4b4be0d0b235422c8abb00122410656b75e1ffc7fb49c"
    "0d0c5d6169aa7623610579968037aee8e83fc26264ea866590fd620aa3c0a5f323d953aa7f8defb0d0d60ab5"
    "a9de44dbaf8eae74ea3ab5f30594154f405fd630aa4c4d5603efdfa1",
    tag="87b6bd222c55365a9c7d0b215b77ea41", **RTP)

add("xor", "self: 00..09 xor 01 02 03, repeated, by hand", "010203",
    "00010203040506070809", "01030102060607050b08")

# ---- SM4: GB/T 32907, draft-ribose-cfrg-sm4, RFC 8998, GB/T 17964 ----

SM4_KEY = "0123456789abcdeffedcba9876543210"
SM4_SRC = "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffaaaaaaaabbbbbbbb"
add("sm4-ecb", "GB/T 32907-2016 A.1", SM4_KEY, SM4_KEY, "681edf34d206965e86b3e94f536e4246")
for mode, dst in (("cbc", "78ebb11cc40b0a48312aaeb2040244cb4cb7016951909226979b0d15dc6a8f6d"),
                  ("cfb", "ac3236cb861dd316e6413b4e3c7524b769d4c54ed433b9a0346009beb37b2b3f"),
                  ("ofb", "ac3236cb861dd316e6413b4e3c7524b71d01aca2487ca582cbf5463e6698539b")):
    add(f"sm4-{mode}", "draft-ribose-cfrg-sm4-10 A.2", SM4_KEY, SM4_SRC, dst, iv=SP38A_IV)
SM4_LONG = "".join(c * 16 for c in "abcdefab")
add("sm4-ctr", "draft-ribose-cfrg-sm4-10 A.2", SM4_KEY, SM4_LONG,
    "ac3236cb970cc20791364c395a1342d1a3cbc1878c6f30cd074cce385cdd70c7"
    "f234bc0e24c11980fd1286310ce37b926e02fcd0faa0baf38b2933851d824514", iv=SP38A_IV)
RFC8998 = {"iv": "00001234567800000000abcd", "aad": GCM_AAD}
SM4_RFC = "".join(c * 16 for c in "abcdefea")
add("sm4-gcm", "RFC 8998 A.1", SM4_KEY, SM4_RFC,
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
    tag="83de3541e4c2b58177e065a9bf7b62ec", **RFC8998)
add("sm4-ccm", "RFC 8998 A.2", SM4_KEY, SM4_RFC,
    "48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094"
    "fd12e518ce062c98acee28d95df4416bed31a2f04476c18bb40c84a74b97dc5b",
    tag="16842d4fa186f56ab33256971fa110f4", **RFC8998)
# Of the variant of IEEE 1619, as with any other cipher: that of GB/T 17964 agrees in the first block.
add("sm4-xts", "Linux, crypto/testmgr.h, xts(sm4)", "11" * 16 + "22" * 16, "44" * 32,
    "a74d726c11196a32be04e001ff29d0c7932f9f3ec29bfcb64dd17f63cbd3ea31", iv="33" * 5 + "00" * 11)
add("sm4-xts", "OpenSSL, evpciph_sm4.txt, IEEE", SP38A_KEYS[128] + SEQ[:32], SP38A_SRC[:112],
    "e9538251c71d7b80bbe4483fef497bd1b3db1a3e60408c575d63ff7db39f8326"
    "0869f9e2585fec9f0b863bf8fd784b8627d16c0db6d2cfc7", iv=SP38A_CTR)
