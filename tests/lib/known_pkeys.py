# SPDX-License-Identifier: LGPL-2.1-or-later
"""Known answers for public-key algorithms, typed from their standards.

Rows as in known_digests.py. What no standard has an answer for is computed when the tests run,
by refs_pkey.py, which holds nothing but Python's integers and the standards' formulas; it gets
the published answers right too. Signatures with a random part are verified here; making them is
in test_pkey.py."""
import refs_pkey
from refs_pkey import CURVES, DIGESTS, Rsa

ROWS = []
VALID = b"valid\n".hex()
MESSAGE = b"sample"  # of RFC 6979, and of all that is computed here


def add(op, alg, source, answer, **files):
    ROWS.append((op, alg, source, files, answer))


def unhex(text):
    return bytes.fromhex(text)


# ---- RSA ----

OWN_RSA = Rsa.of_primes(
    int("df8c772ffd3d3a2722ce53e37539297d2590310dd503cd00f8b1273b0525fb3db231c4ac3419"
        "1ba2f7b653708081dff069ef4a54e87a160099a03caca9bbc96494ff205acde4210757f97116"
        "d2a59c05", 16),
    int("d70aafc8198b380f815e0b0c35813bd1c678dc9ee7e2d7eedc1806912785a3616bc69f2bdc5b"
        "b3b5673ef9baed1d61c2bf2cbef3c7353f8d6e5a1eb56052a57c348b77c63ad05ee6d7a1bfab"
        "1ad98e25", 16))
NIST_RSA = Rsa(int(
    "a3ecf80ff1804833c36a89a1583f58ef3332476a50a153e73ced17796139636045c131a6b172"
    "22ba8848f70150b18dfa390bfb1670ae982dfbc311fd0ede055564687af3805ca883944bb5ac"
    "9ec19b0e0cfbd9a314d70b17080c3d49b50cbf417062eb41bd639d67a5fb330ec55a0489fee0"
    "8eeec97ed487c114b20393fe0aef", 16),
    0x1001)
NIST_PSS = Rsa(int(
    "c87155f3d9f3771f6ab89ef30cd36230463902ff0633aa869b6dbd7592c83f4b2f882739ff49"
    "9f1499fb0db4586c7f7b2dfd5a37dbe0df37dea9d0d5814a4047b647c1d8eb356ebae6a19889"
    "9f97c25f9182fab2b6be88384a1b8cb16a82a05aaadf610ce2e045b41b8880a13b7133ea0729"
    "6126471c9a450ae48bc880102c8b", 16),
    0x1001)
NIST_SIGNATURES = {  # digest: message, signature
    "sha1": (
        "1018469fda81f41922cfdb2dca679f7f3a286f11ba448ab71e4e02cca994c0242caec9416e57"
        "c0cad07cab383193fad3102ec5ddf0d0550d01ffe63ffc9aab694f6d13d17a034b7db9bb04eb"
        "e31e76039270a44a8485e25841d7958cfed53bfec27dabb5c72c9d1b23b56cada7b11bf70817"
        "97c03c0d3b8227fd991d77ea78cb",
        "147a8797d9d653f52d210135f61bbdfe59698d755b076230f2b252e7792c86121469fab7b410"
        "789df4f193a76e8be99a2162e422c6a56106fa4e2fe5abafc542ff1a899d8580f9f6b4cd29a8"
        "310cd34964ce22bbad9618d97e4c36695b246bdd0c0d5d0c75d044265e6f275a272718b0c2b9"
        "3974dc76ddcca985bef994ce67bd"),
    "sha224": (
        "ee957a3107024f9a51d212fc6ff18d46a26a2d80df2cb6b1250f36010d12381ba3e639d574b1"
        "6013e80c69e8d24de3ff460c9b3aabe05898106ac85cc495bb6c201b8ff7a84ceb5a530bb145"
        "26192d1907969395d1c4a8b2a40fbfcb7f4ae701103c63deca5b5a3939d7d05992dad55d8f0f"
        "fcda79610fc78605019666ba24a4",
        "10fafcf4b543c9d58c1658a9d96e2d3ba1276406951b2d2ea5a7930fa18a88f88a0ebdc53038"
        "c0277f7f00e699b5aa4977b25d42edacf3ed6eba656c177bbba622b710e5bd78de381f626e38"
        "b5d49fa06fd5e0e9acb5fc67ae86107313575be75bb4535864b57adef917dae1f04b0ed4bd02"
        "ee81cc3f0caa9b7a9a9d940d9372"),
    "sha256": (
        "dfce08b64b9ea4014947012670548da4ceeee084dbfe509aac92bf096982b8050153bbdd1c5b"
        "d4385226729e9a19773b05558ce0acdfb74be6fd2fa8bfe36f58a68e89f066f1bd85584f4a27"
        "d6e884abf2d727ae683bebd6d295585b1b71dcc636491bf910a68670c3882fc60c08db7bff3c"
        "59f4f95b13c3d721e329657528d9",
        "8d9d30a87df0c2f6cd651fcaf2b9ac1296287ad3d4b03132e330f08ab701fc197040d0a261f6"
        "31e7e34478b592551e1f682395c9e2b54c8ce8b0c72c1b5a79748cc34f9152730a7f67fae122"
        "5a4ce750f1d5d4e288176df197e7503c88b5baecef3abcf2875f111e6d7f7b4dc8afa2ed3c1d"
        "7ad8e7cf45a77f0b1cb178518402"),
}
NIST_PSS_SIGNATURES = {  # digest: message, signature
    "sha1": (
        "cfaecfe138c2e6e1ae3a2c46177944bbc29da763920fea125f5840be99373f302ef0e7ffaee6"
        "e0bfae6c03766ad91c4faedaee93f60d78d4d4cb776c92452c2618d25f3a1187a47f4a09dddc"
        "5a9f00ff888b1b52e99b952bc9fbb6444c4d696a55fb4179a7ccbb874bb6c36031f479331a58"
        "348ab4e1c77f0790042d11787f66",
        "101769caba2c5a8652aefbc55466d0476d5dec508eff8ad282e56033f9c8389b77615d83bbc2"
        "556c245b0decd63aab2084a3653f361c94e4dd9da2d17e390a0af2aa46ae7382d96d3f45ab88"
        "cb81694bca9d072aaec703b4681e741687bf8ddefec11a3427bacd601a6849a328c0ac7367fb"
        "7b8a751a125113729bc6160568c9"),
    "sha224": (
        "19828d058058243557e29ec3f95b566fb4292c6e7dc0d56ae1c475cb3f6d6f3535307b51589c"
        "fad1288287ae4358cfb4d8dfa2415f044a4a87041b9e70d44b6f1bc0040e1f52b8f69d75b50c"
        "75daf925ba9b47c9641f7a37453d1aa83fa42dd8b37a4fc33c4305ac9e054f64f9a97cc943a5"
        "428df4d80e3903b5997112a4bc79",
        "46cc1d4d9cbd4ae3cd63a031991b64ac0367f4c017626d955cad354748c868a943078df89ece"
        "0d245d6014aff5475b129d67ab3066f922bc63983300921a6595781f4738d1778111b6b3a436"
        "8efee1d56f2794b75dc0914e1ab3d4078335506a8019bf35babc258f2718ae63a2952af4945d"
        "ad20cb3521d4a4006bf36e7a0ba9"),
    "sha256": (
        "19828d058058243557e29ec3f95b566fb4292c6e7dc0d56ae1c475cb3f6d6f3535307b51589c"
        "fad1288287ae4358cfb4d8dfa2415f044a4a87041b9e70d44b6f1bc0040e1f52b8f69d75b50c"
        "75daf925ba9b47c9641f7a37453d1aa83fa42dd8b37a4fc33c4305ac9e054f64f9a97cc943a5"
        "428df4d80e3903b5997112a4bc79",
        "a3263f4c84ab6ef687a3853e5d91d296b125428f80f3c4dcefcf4fb7f1c41cebf9aa3cfd0cf2"
        "b617ec2df8ab3379ffcc7fdf72ec659940e0dcdfa453bef7e9172941b5c8aaf87e58de3316f1"
        "03856d922ae5929b3b6cf2a7bbf95c49ddbd8c15b4ac73370d0a28b20514637abff56157e15d"
        "f57c5860edebed44d4917f2d1f8b"),
}
for name, (message, signature) in NIST_SIGNATURES.items():
    add("verify", f"rsa-{name}", "NIST CAVP SigGen15_186-3, 1024 bits", VALID,
        key=NIST_RSA.public_der(), src=unhex(message), sig=unhex(signature))
for name, (message, signature) in NIST_PSS_SIGNATURES.items():
    add("verify", f"rsa-pss-{name}", "NIST CAVP SigGenPSS_186-3, 1024 bits, no salt", VALID,
        key=NIST_PSS.public_der(), src=unhex(message), sig=unhex(signature), params="saltlen=0")
for name in DIGESTS:
    size = len(refs_pkey.digest(name, b""))
    made = refs_pkey.pkcs1_sign(OWN_RSA, name, MESSAGE)
    add("sign", f"rsa-{name}", "self: RFC 8017 8.2 in Python", made.hex(),
        key=OWN_RSA.private_der(), src=MESSAGE)
    add("verify", f"rsa-{name}", "self: RFC 8017 8.2 in Python", VALID,
        key=OWN_RSA.public_der(), src=MESSAGE, sig=made)
    add("verify", f"rsa-pss-{name}", "self: RFC 8017 8.1 in Python", VALID,
        key=OWN_RSA.public_der(), src=MESSAGE,
        sig=refs_pkey.pss_sign(OWN_RSA, name, MESSAGE, bytes(range(size))))
    add("decrypt", f"rsa-oaep-{name}", "self: RFC 8017 7.1 in Python", MESSAGE.hex(),
        key=OWN_RSA.private_der(),
        src=refs_pkey.oaep_encrypt(OWN_RSA, name, MESSAGE, bytes(range(size))))
add("verify", "rsa-pss-sha256", "self: RFC 8017 8.1 in Python, another mask and salt", VALID,
    key=OWN_RSA.public_der(), src=MESSAGE, params="mgf1=sha1 saltlen=7",
    sig=refs_pkey.pss_sign(OWN_RSA, "sha256", MESSAGE, b"pretzel", "sha1"))
add("decrypt", "rsa-oaep-sha256", "self: RFC 8017 7.1 in Python, a label and another mask",
    MESSAGE.hex(), key=OWN_RSA.private_der(), aad=b"label", params="mgf1=sha1",
    src=refs_pkey.oaep_encrypt(OWN_RSA, "sha256", MESSAGE, bytes(32), b"label", "sha1"))

# ---- modular exponentiation ----

BASE = bytes(range(1, 161))
for op, exponent in (("encrypt", OWN_RSA.e), ("decrypt", OWN_RSA.d)):
    add(op, "modexp", "self: Python pow()",
        pow(int.from_bytes(BASE, "big"), exponent, OWN_RSA.n).to_bytes(160, "big").hex(),
        key=OWN_RSA.private_der(), src=BASE)
PAIR = Rsa(2**127 - 1, 2**521 - 1)  # a short modulus, a long exponent, a longer base
for op in ("encrypt", "decrypt"):
    add(op, "modexp", "self: Python pow(), modulus and exponent",
        pow(int.from_bytes(BASE, "big"), PAIR.e, PAIR.n).to_bytes(16, "big").hex(),
        key=PAIR.public_der(), src=BASE)

# ---- ECDSA ----

EC_KEYS = {  # RFC 6979 A.2.5 to A.2.7; no standard has one for secp256k1
    "prime256v1": "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
    "secp384r1": "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70"
        "a825f872c9ea60d2edf5",
    "secp521r1": "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1"
        "f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
    "secp256k1": "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
}
RFC_6979 = {  # signatures of "sample": r and s
    ("prime256v1", "sha1"): (
        "61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32",
        "6d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb"),
    ("prime256v1", "sha224"): (
        "53b2fff5d1752b2c689df257c04c40a587fababb3f6fc2702f1343af7ca9aa3f",
        "b9afb64fdc03dc1a131c7d2386d11e349f070aa432a4acc918bea988bf75c74c"),
    ("prime256v1", "sha256"): (
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"),
    ("prime256v1", "sha384"): (
        "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
        "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954"),
    ("prime256v1", "sha512"): (
        "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
        "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe"),
    ("secp384r1", "sha1"): (
        "ec748d839243d6fbef4fc5c4859a7dffd7f3abddf72014540c16d73309834fa37b9ba002899f"
        "6fda3a4a9386790d4eb2",
        "a3bcfa947beef4732bf247ac17f71676cb31a847b9ff0cbc9c9ed4c1a5b3facf26f49ca031d4"
        "857570ccb5ca4424a443"),
    ("secp384r1", "sha224"): (
        "42356e76b55a6d9b4631c865445dbe54e056d3b3431766d0509244793c3f9366450f76ee3de4"
        "3f5a125333a6be060122",
        "9da0c81787064021e78df658f2fbb0b042bf304665db721f077a4298b095e4834c082c03d830"
        "28efbf93a3c23940ca8d"),
    ("secp384r1", "sha256"): (
        "21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33bde1e888e633"
        "55d92fa2b3c36d8fb2cd",
        "f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feebefdc63eccd1a"
        "c42ec0cb8668a4fa0ab0"),
    ("secp384r1", "sha384"): (
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44"
        "acf96e36dd1e80fabe46",
        "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e"
        "679e7b82c71a38628ac8"),
    ("secp384r1", "sha512"): (
        "ed0959d5880ab2d869ae7f6c2915c6d60f96507f9cb3e047c0046861da4a799cfe30f35cc900"
        "056d7c99cd7882433709",
        "512c8cceee3890a84058ce1e22dbc2198f42323ce8aca9135329f03c068e5112dc7cc3ef3446"
        "defceb01a45c2667fdd5"),
    ("secp521r1", "sha1"): (
        "00343b6ec45728975ea5cba6659bbb6062a5ff89eea58be3c80b619f322c87910fe092f7d45b"
        "b0f8eee01ed3f20babec079d202ae677b243ab40b5431d497c55d75d",
        "00e7b0e675a9b24413d448b8cc119d2bf7b2d2df032741c096634d6d65d0dbe3d5694625fb9e"
        "8104d3b842c1b0e2d0b98bea19341e8676aef66ae4eba3d5475d5d16"),
    ("secp521r1", "sha224"): (
        "01776331cfcdf927d666e032e00cf776187bc9fdd8e69d0dabb4109ffe1b5e2a30715f4cc923"
        "a4a5e94d2503e9acfed92857b7f31d7152e0f8c00c15ff3d87e2ed2e",
        "0050cb5265417fe2320bbb5a122b8e1a32bd699089851128e360e620a30c7e17ba41a666af12"
        "6ce100e5799b153b60528d5300d08489ca9178fb610a2006c254b41f"),
    ("secp521r1", "sha256"): (
        "01511bb4d675114fe266fc4372b87682baecc01d3cc62cf2303c92b3526012659d16876e25c7"
        "c1e57648f23b73564d67f61c6f14d527d54972810421e7d87589e1a7",
        "004a171143a83163d6df460aaf61522695f207a58b95c0644d87e52aa1a347916e4f7a72930b"
        "1bc06dbe22ce3f58264afd23704cbb63b29b931f7de6c9d949a7ecfc"),
    ("secp521r1", "sha384"): (
        "01ea842a0e17d2de4f92c15315c63ddf72685c18195c2bb95e572b9c5136ca4b4b576ad712a5"
        "2be9730627d16054ba40cc0b8d3ff035b12ae75168397f5d50c67451",
        "01f21a3cee066e1961025fb048bd5fe2b7924d0cd797babe0a83b66f1e35eeaf5fde143fa85d"
        "c394a7dee766523393784484bdf3e00114a1c857cde1aa203db65d61"),
    ("secp521r1", "sha512"): (
        "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee90"
        "17b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa",
        "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e"
        "5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a"),
}


def add_ecdsa(curve, name, source, r, s):
    """One signature, in both forms."""
    c, alg = CURVES[curve], f"ecdsa-{curve}-{name}"
    point = c.pack(c.times(int(EC_KEYS[curve], 16)))
    add("verify", alg, source, VALID, key=point, src=MESSAGE,
        sig=refs_pkey.sequence(refs_pkey.integer(r), refs_pkey.integer(s)))
    add("verify", alg, source, VALID, key=point, src=MESSAGE, params="sigformat=raw",
        sig=r.to_bytes(c.size, "big") + s.to_bytes(c.size, "big"))


for curve_name, key in EC_KEYS.items():
    for name in DIGESTS:
        if (curve_name, name) in RFC_6979:
            add_ecdsa(curve_name, name, "RFC 6979 A.2",
                      *(int(n, 16) for n in RFC_6979[curve_name, name]))
        else:
            add_ecdsa(curve_name, name, "self: RFC 6979 3.2 in Python",
                      *refs_pkey.ecdsa_sign(CURVES[curve_name], name, int(key, 16), MESSAGE))

# ---- SM2 and EdDSA ----

SM2_KEY = 0x3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8
SM2_OID, EC_OIDS = "06082a811ccf5501822d", {
    "prime256v1": "06082a8648ce3d030107", "secp384r1": "06052b81040022",
    "secp521r1": "06052b81040023", "secp256k1": "06052b8104000a"}
SM2_SIGNATURE = (0xf5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3,
                 0xb1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa)
SM2_PUBLIC = refs_pkey.ec_public_der("SM2", SM2_OID, CURVES["SM2"].times(SM2_KEY))
add("verify", "sm2", "GB/T 32918.5 A.2", VALID, key=SM2_PUBLIC, src=b"message digest",
    sig=refs_pkey.sequence(*map(refs_pkey.integer, SM2_SIGNATURE)))
add("verify", "sm2", "GB/T 32918.5 A.2", VALID, key=SM2_PUBLIC, src=b"message digest",
    aad=b"1234567812345678", params="sigformat=raw",
    sig=b"".join(n.to_bytes(32, "big") for n in SM2_SIGNATURE))

EDDSA = [  # alg, source, private, public, message, signature
    ("ed25519", "RFC 8032 7.1, test 1",
     "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
     "1cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("ed25519", "RFC 8032 7.1, test 2",
     "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
     "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("ed448", "RFC 8032 7.4, blank",
     "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b"
     "94492f8f032e7549a20098f95b",
     "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783d"
     "f1e50f6cd1fa1abeafe8256180", "",
     "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22"
     "ddd47d7828c59bd0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cd"
     "da8530a113a0f4dbb61149f05a7363268c71d95808ff2e652600"),
]
for alg, source, private, public, message, signature in EDDSA:
    add("sign", alg, source, signature, key=unhex(private), src=unhex(message))
    add("verify", alg, source, VALID, key=unhex(public), src=unhex(message), sig=unhex(signature))

# ---- key agreement ----

ECDH = {  # RFC 5903 8.1 to 8.3: i, g^r, the shared x
    "prime256v1": (
        "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
        "04" "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
        "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"),
    "secp384r1": (
        "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e6"
        "49ee3faef896783ab194",
        "04" "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336"
        "def96fda41d0774a3571"
        "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa4014220"
        "9dff5eaad96db9e6386c",
        "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9"
        "e9d09cf5d4a270f59746"),
    "secp521r1": (
        "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1"
        "c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
        "04" "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436a"
        "dc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f"
        "015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c4"
        "08a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
        "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4b"
        "aa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea"),
}
for curve_name, (private, peer, shared) in ECDH.items():
    add("derive", f"ecdh-{curve_name}", "RFC 5903 8", shared, key=unhex(private), src=unhex(peer))
KOBLITZ = CURVES["secp256k1"]
PEER = KOBLITZ.times(int(EC_KEYS["secp256k1"], 16))
add("derive", "ecdh-secp256k1", "self: SEC 1 3.3.1 in Python",
    KOBLITZ.times(12345, PEER)[0].to_bytes(32, "big").hex(), key=(12345).to_bytes(32, "big"),
    src=KOBLITZ.pack(PEER))
add("derive", "x25519", "RFC 7748 5.2",
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    key=unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
    src=unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
add("derive", "x448", "RFC 7748 5.2",
    "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b0779d982239"
    "61111e21766282f73dd96b6f",
    key=unhex("3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbf"
              "f44943eba368f54b29259a4f1c600ad3"),
    src=unhex("06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da25"
              "83fa5429db94ada18aa7a7fb4ef8a086"))
