/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expanded keys of the bytes 00, 01, 02 ... as OpenSSL's engine hands them to the unit. */
#ifndef PADLOCK_SCHEDULES_H
#define PADLOCK_SCHEDULES_H

static const char encrypt_192[] = "000102030405060708090a0b0c0d0e0f"
                                  "10111213141516175846f2f95c43f4fe"
                                  "544afef55847f0fa4856e2e95c43f4fe"
                                  "40f949b31cbabd4d48f043b810b7b342"
                                  "58e151ab04a2a5557effb5416245080c"
                                  "2ab54bb43a02f8f662e3a95d66410c08"
                                  "f501857297448d7ebdf1c6ca87f33e3c"
                                  "e510976183519b6934157c9ea351f1e0"
                                  "1ea0372a995309167c439e77ff12051e"
                                  "dd7e0e887e2fff68608fc842f9dcc154"
                                  "859f5f237a8d5a3dc0c02952beefd63a"
                                  "de601e7827bcdf2ca223800fd8aeda32"
                                  "a4970a331a78dc09c418c271e3a41d5d";

static const char decrypt_192[] = "a4970a331a78dc09c418c271e3a41d5d"
                                  "d6bebd0dc209ea494db073803e021bb9"
                                  "8fb999c973b26839c7f9d89d85c68c72"
                                  "f77d6ec1423f54ef5378317f14b75744"
                                  "1147659047cf663b9b0ece8dfc0bf1f0"
                                  "dcc1a8b667053f7dcc5c194ab5423a2e"
                                  "c6deb0ab791e2364a4055fbe568803ab"
                                  "dd1b7cdaf28d5c158a49ab1dbbc497cb"
                                  "78c4f708318d3cd69655b701bfc093cf"
                                  "60dcef10299524ce62dbef152f9620cf"
                                  "4b4ecbdb4d4dcfda5752d7c74949cbde"
                                  "1a1f181d1e1b1c194742c7d74949cbde"
                                  "000102030405060708090a0b0c0d0e0f";

static const char encrypt_256[] = "000102030405060708090a0b0c0d0e0f"
                                  "101112131415161718191a1b1c1d1e1f"
                                  "a573c29fa176c498a97fce93a572c09c"
                                  "1651a8cd0244beda1a5da4c10640bade"
                                  "ae87dff00ff11b68a68ed5fb03fc1567"
                                  "6de1f1486fa54f9275f8eb5373b8518d"
                                  "c656827fc9a799176f294cec6cd5598b"
                                  "3de23a75524775e727bf9eb45407cf39"
                                  "0bdc905fc27b0948ad5245a4c1871c2f"
                                  "45f5a66017b2d387300d4d33640a820a"
                                  "7ccff71cbeb4fe5413e6bbf0d261a7df"
                                  "f01afafee7a82979d7a5644ab3afe640"
                                  "2541fe719bf500258813bbd55a721c0a"
                                  "4e5a6699a9f24fe07e572baacdf8cdea"
                                  "24fc79ccbf0979e9371ac23c6d68de36";

static const char decrypt_256[] = "24fc79ccbf0979e9371ac23c6d68de36"
                                  "34f1d1ffbfceaa2ffce9e25f2558016e"
                                  "5e1648eb384c350a7571b746dc80e684"
                                  "c8a305808b3f7bd043274870d9b1e331"
                                  "b5708e13665a7de14d3d824ca9f151c2"
                                  "74da7ba3439c7e50c81833a09a96ab41"
                                  "3ca69715d32af3f22b67ffade4ccd38e"
                                  "f85fc4f3374605f38b844df0528e98e1"
                                  "de69409aef8c64e7f84d0c5fcfab2c23"
                                  "aed55816cf19c100bcc24803d90ad511"
                                  "15c668bd31e5247d17c168b837e6207c"
                                  "7fd7850f61cc991673db890365c89d12"
                                  "2a2840c924234cc026244cc5202748c4"
                                  "1a1f181d1e1b1c191217101516131411"
                                  "000102030405060708090a0b0c0d0e0f";

#endif
