# SPDX-License-Identifier: LGPL-2.1-or-later
# What each program and module is made of. Headers need not be listed.

# All but main(): the daemon and the unit tests are linked from these.
core_sources = $(core_but_modules) src/device/module.c
# Some tests link drivers and balancers into themselves (tests/lib/static_modules.h).
core_but_modules = \
	src/base/account.c src/alg/alg.c src/alg/nearest.c src/sched/balancer.c src/base/buf.c src/sched/check.c src/sched/check_rule.c src/sched/choose.c \
	src/session/data.c src/session/expected.c src/device/device.c src/device/device_health.c src/device/expect.c src/device/longs.c src/device/threads.c src/device/workers.c src/device/driver.c \
	src/base/encode.c src/base/epoch.c src/sched/follow.c src/session/follow.c src/session/foreign.c src/session/stage.c src/session/chain.c src/session/rules.c src/device/group.c src/report/groups.c src/device/health.c \
	src/base/heap.c src/session/history.c src/sched/job.c src/alg/kat.c src/base/log.c src/report/metrics.c src/sched/nobody.c src/session/nonce.c src/base/pages.c \
	src/session/params.c src/base/pool.c src/device/predict.c src/queue/queue.c src/queue/flow.c src/queue/walk.c \
	src/base/notify.c src/device/registry.c src/report/report.c src/session/request.c src/session/route.c \
	src/sched/sched.c src/base/secret.c src/base/sentence.c src/device/selftest.c src/session/session.c src/session/status.c \
	src/session/sessions.c src/base/settings.c src/base/stats.c src/session/stream.c src/base/timer.c src/session/value_bytes.c \
	src/session/value_table.c src/session/values.c src/sched/waiting.c src/device/watchdog.c src/base/words.c

# The queue of a device by itself.
queue_sources = src/base/heap.c src/base/pool.c src/queue/queue.c src/queue/flow.c src/queue/walk.c

# All that knows FUSE.
fsops_sources = \
	fsops/caller.c fsops/dirs.c fsops/file_data.c fsops/file_text.c \
	fsops/file_value.c fsops/files.c fsops/held.c fsops/ioctl.c fsops/ioctl_add.c \
	fsops/ioctl_call.c fsops/ioctl_data.c fsops/ioctl_direct.c fsops/ioctl_read.c \
	fsops/ioctl_session.c fsops/ioctl_status.c fsops/keeper.c fsops/loop.c fsops/mount_words.c fsops/ops.c fsops/round.c fsops/show.c \
	fsops/removed.c fsops/show_lb.c fsops/spliced.c fsops/tree.c fsops/visit.c fsops/visitor.c fsops/kept.c fsops/who.c fsops/wipe.c

# The software engine, inside soft and in every fault driver that computes.
engine_sources = \
	common/engine/aead.c common/engine/cipher.c common/engine/ctx.c common/engine/digest.c \
	common/engine/engine.c common/engine/kdf.c common/engine/key_forms.c \
	common/engine/mac.c common/engine/modexp.c common/engine/pkey_check.c \
	common/engine/pkey_crypt.c common/engine/pkey_derive.c common/engine/pkey_key.c \
	common/engine/pkey_sign.c common/engine/rows.c common/engine/sig_forms.c \
	common/engine/wrap.c common/engine/xor.c

# What every driver of a PCI card needs, and the one for HIFN's.
pci_sources = \
	common/pci/card.c common/pci/find.c common/pci/memory.c common/pci/reactor.c \
	common/pci/sysfs.c common/pci/vfio.c common/pci/vfio_user.c \
	common/pci/vfio_user_wire.c
hifn_sources = \
	drivers/hifn795x/aside.c drivers/hifn795x/bringup.c drivers/hifn795x/command.c \
	drivers/hifn795x/contexts.c drivers/hifn795x/hifn795x.c drivers/hifn795x/host.c \
	drivers/hifn795x/modexp.c drivers/hifn795x/random.c drivers/hifn795x/reap.c drivers/hifn795x/ring.c \
	drivers/hifn795x/rows.c drivers/hifn795x/selftest.c drivers/hifn795x/work.c
ce99_sources = \
	drivers/ce99/card.c drivers/ce99/ce99.c drivers/ce99/chip.c drivers/ce99/registers.c \
	drivers/ce99/rows.c drivers/ce99/selftest.c drivers/ce99/vendor.c \
	drivers/ce99/work.c drivers/ce99/worker.c

drivers_PROGRAMS = \
	drivers/soft/soft.so drivers/null/null.so drivers/delay/delay.so drivers/error/error.so \
	drivers/flip/flip.so drivers/hang/hang.so drivers/vanish/vanish.so \
	drivers/hifn795x/hifn795x.so drivers/ce99/ce99.so
if X86
drivers_PROGRAMS += drivers/padlock/padlock.so
endif
drivers_soft_soft_so_SOURCES = drivers/soft/soft.c $(engine_sources)
drivers_null_null_so_SOURCES = drivers/null/null.c
drivers_delay_delay_so_SOURCES = drivers/delay/delay.c $(engine_sources)
drivers_error_error_so_SOURCES = drivers/error/error.c common/engine/fault.c $(engine_sources)
drivers_flip_flip_so_SOURCES = drivers/flip/flip.c common/engine/fault.c $(engine_sources)
drivers_hang_hang_so_SOURCES = drivers/hang/hang.c common/engine/fault.c $(engine_sources)
drivers_vanish_vanish_so_SOURCES = drivers/vanish/vanish.c common/engine/fault.c $(engine_sources)

drivers_hifn795x_hifn795x_so_SOURCES = $(hifn_sources) $(pci_sources)
drivers_ce99_ce99_so_SOURCES = $(ce99_sources) $(pci_sources)

padlock_sources = \
	drivers/padlock/blocks.c drivers/padlock/cipher.c drivers/padlock/cpu.c \
	drivers/padlock/cpus.c drivers/padlock/hash.c drivers/padlock/padlock.c \
	drivers/padlock/random.c drivers/padlock/rows.c drivers/padlock/schedule.c \
	drivers/padlock/selftest.c
drivers_padlock_padlock_so_SOURCES = $(padlock_sources)

lb_PROGRAMS = lb/affinity.so lb/least-loaded.so lb/rate.so lb/round-robin.so
lb_affinity_so_SOURCES = lb/affinity.c
lb_rate_so_SOURCES = lb/rate.c
lb_least_loaded_so_SOURCES = lb/least-loaded.c
lb_round_robin_so_SOURCES = lb/round-robin.c

# Models of cards, for tests: a vfio-user server and what it serves. They share nothing with
# the drivers but the references.
vfio_user_server_sources = \
	tests/models/vfio_user/dma.c tests/models/vfio_user/dma_messages.c \
	tests/models/vfio_user/faults.c \
	tests/models/vfio_user/irq.c tests/models/vfio_user/messages.c \
	tests/models/vfio_user/pci_config.c tests/models/vfio_user/report.c \
	tests/models/vfio_user/server.c tests/models/vfio_user/version.c \
	tests/models/vfio_user/wire.c
hifn_model_sources = \
	tests/models/hifn795x/bar0.c tests/models/hifn795x/bar1.c \
	tests/models/hifn795x/card.c tests/models/hifn795x/check.c \
	tests/models/hifn795x/cipher.c tests/models/hifn795x/command.c \
	tests/models/hifn795x/engine.c tests/models/hifn795x/faults.c \
	tests/models/hifn795x/names.c tests/models/hifn795x/operation.c \
	tests/models/hifn795x/pk.c tests/models/hifn795x/pll.c \
	tests/models/hifn795x/rings.c tests/models/hifn795x/times.c \
	tests/models/hifn795x/unlock.c \
	$(vfio_user_server_sources)
ce99_model_sources = \
	tests/models/ce99/bar0.c tests/models/ce99/card.c tests/models/ce99/check.c \
	tests/models/ce99/cipher.c tests/models/ce99/faults.c tests/models/ce99/names.c \
	tests/models/ce99/operation.c \
	$(vfio_user_server_sources)
model_programs = tests/models/ce99/ce99-model tests/models/hifn795x/hifn795x-model \
	tests/vendor/ce99-vendor.so
# What the driver ce99 loads as the vendor's library.
tests_vendor_ce99_vendor_so_SOURCES = tests/vendor/ce99-vendor.c
tests_models_ce99_ce99_model_SOURCES = tests/models/ce99/main.c \
	tests/models/vfio_user/program.c $(ce99_model_sources)
tests_models_hifn795x_hifn795x_model_SOURCES = tests/models/hifn795x/main.c \
	tests/models/vfio_user/program.c $(hifn_model_sources)
# A CPU that is played.
padlock_model_programs = \
	tests/models/padlock/libpadlock-model.so tests/models/padlock/test_padlock_model
tests_models_padlock_libpadlock_model_so_SOURCES = \
	tests/models/padlock/aes.c tests/models/padlock/ccs.c tests/models/padlock/chain.c \
	tests/models/padlock/cpuid.c tests/models/padlock/hash.c \
	tests/models/padlock/memory.c tests/models/padlock/modes.c \
	tests/models/padlock/montmul.c tests/models/padlock/patch.c \
	tests/models/padlock/rng.c tests/models/padlock/sha.c tests/models/padlock/sm3.c \
	tests/models/padlock/sm4.c tests/models/padlock/start.c tests/models/padlock/step.c \
	tests/models/padlock/tell.c tests/models/padlock/trap.c \
	tests/models/padlock/xcrypt.c
tests_models_padlock_test_padlock_model_SOURCES = \
	tests/models/padlock/test_padlock_model.c tests/models/padlock/test_program.c \
	tests/models/padlock/test_violations.c

# Unit tests: `make check` builds and runs each. LDADD is the daemon's by default.
unit_tests = tests/unit/unit_balancers tests/unit/unit_check tests/unit/unit_core tests/unit/unit_memory tests/unit/unit_dispatch \
	tests/unit/unit_follow tests/unit/unit_health tests/unit/unit_hifn tests/unit/unit_hifn_ops tests/unit/unit_long tests/unit/unit_pkey \
	tests/unit/unit_queue tests/unit/unit_sched tests/unit/unit_settings tests/unit/unit_soft \
	tests/unit/unit_vfio_user tests/unit/unit_ce99 tests/unit/unit_ce99_ops tests/unit/unit_ce99_vendor
if X86
unit_tests += tests/unit/unit_padlock tests/unit/unit_padlock_ops
endif
tests_unit_unit_padlock_SOURCES = tests/unit/unit_padlock.c $(padlock_sources)
tests_unit_unit_padlock_ops_SOURCES = tests/unit/unit_padlock_ops.c $(padlock_sources)
tests_unit_unit_ce99_SOURCES = tests/unit/unit_ce99.c $(ce99_sources) $(pci_sources)
tests_unit_unit_ce99_LDADD = $(pci_test_libs) -ldl
tests_unit_unit_ce99_ops_SOURCES = tests/unit/unit_ce99_ops.c $(ce99_sources) $(pci_sources)
tests_unit_unit_ce99_ops_LDADD = $(pci_test_libs) -ldl
tests_unit_unit_ce99_vendor_SOURCES = tests/unit/unit_ce99_vendor.c $(ce99_sources) $(pci_sources)
tests_unit_unit_ce99_vendor_LDADD = $(pci_test_libs) -ldl
tests_unit_unit_balancers_SOURCES = tests/unit/unit_balancers.c $(core_sources)
tests_unit_unit_balancers_LDADD = $(LDADD) -lm
tests_unit_unit_dispatch_SOURCES = tests/unit/unit_dispatch.c lb/least-loaded.c $(engine_sources) \
	$(core_but_modules)
tests_unit_unit_check_SOURCES = tests/unit/unit_check.c lb/least-loaded.c $(engine_sources) \
	$(core_but_modules)
tests_unit_unit_health_SOURCES = tests/unit/unit_health.c lb/least-loaded.c $(engine_sources) \
	$(core_but_modules)
tests_unit_unit_long_SOURCES = tests/unit/unit_long.c lb/least-loaded.c $(core_but_modules)
tests_unit_unit_follow_SOURCES = tests/unit/unit_follow.c $(core_but_modules)
tests_unit_unit_core_SOURCES = tests/unit/unit_core.c $(core_sources)
tests_unit_unit_memory_SOURCES = tests/unit/unit_memory.c $(core_sources)
tests_unit_unit_queue_SOURCES = tests/unit/unit_queue.c $(queue_sources)
tests_unit_unit_sched_SOURCES = tests/unit/unit_sched.c lb/least-loaded.c $(core_but_modules)
tests_unit_unit_settings_SOURCES = tests/unit/unit_settings.c src/base/log.c src/base/settings.c
tests_unit_unit_pkey_SOURCES = tests/unit/unit_pkey.c $(engine_sources)
tests_unit_unit_soft_SOURCES = tests/unit/unit_soft.c $(engine_sources)
tests_unit_unit_hifn_SOURCES = tests/unit/unit_hifn.c $(hifn_sources) $(pci_sources)
tests_unit_unit_hifn_LDADD = $(pci_test_libs)
tests_unit_unit_hifn_ops_SOURCES = tests/unit/unit_hifn_ops.c $(hifn_sources) $(pci_sources)
tests_unit_unit_hifn_ops_LDADD = $(pci_test_libs)
tests_unit_unit_vfio_user_SOURCES = tests/unit/unit_vfio_user.c $(pci_sources)
tests_unit_unit_vfio_user_LDADD = $(pci_test_libs)

# For `make bench`, which builds and runs them.
bench_programs = tests/bench/core tests/bench/queue
tests_bench_core_SOURCES = tests/bench/core.c drivers/null/null.c lb/least-loaded.c \
	$(core_but_modules)
tests_bench_queue_SOURCES = tests/bench/queue.c $(queue_sources)

# Fuzzers: `make fuzzers` in a tree configured with CC=clang --enable-sanitizer=fuzzer.
fuzz_programs = tests/fuzz/fuzz_ce99_model tests/fuzz/fuzz_hifn tests/fuzz/fuzz_ioctl tests/fuzz/fuzz_queue \
	tests/fuzz/fuzz_settings tests/fuzz/fuzz_values tests/fuzz/fuzz_vfio_server tests/fuzz/fuzz_ce99
tests_fuzz_fuzz_ce99_SOURCES = tests/fuzz/fuzz_ce99.c $(ce99_sources) $(pci_sources)
tests_fuzz_fuzz_ce99_LDADD = $(pci_test_libs) -ldl
tests_fuzz_fuzz_ce99_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_fuzz_ioctl_SOURCES = tests/fuzz/fuzz_ioctl.c fsops/caller.c fsops/ioctl.c \
	fsops/ioctl_add.c fsops/ioctl_call.c fsops/ioctl_data.c fsops/ioctl_direct.c \
	fsops/ioctl_read.c fsops/ioctl_session.c fsops/ioctl_status.c fsops/keeper.c fsops/round.c \
	fsops/spliced.c fsops/visit.c fsops/visitor.c fsops/kept.c fsops/who.c fsops/wipe.c \
	drivers/soft/soft.c $(engine_sources) $(core_but_modules)
tests_fuzz_fuzz_ioctl_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_fuzz_hifn_SOURCES = tests/fuzz/fuzz_hifn.c $(hifn_sources) $(pci_sources)
tests_fuzz_fuzz_hifn_LDADD = $(pci_test_libs)
tests_fuzz_fuzz_hifn_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_fuzz_queue_SOURCES = tests/fuzz/fuzz_queue.c $(queue_sources)
tests_fuzz_fuzz_ce99_model_SOURCES = tests/fuzz/fuzz_ce99_model.c $(ce99_model_sources)
tests_fuzz_fuzz_ce99_model_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_fuzz_queue_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_fuzz_settings_SOURCES = tests/fuzz/fuzz_settings.c src/base/log.c src/base/settings.c
tests_fuzz_fuzz_settings_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_fuzz_values_SOURCES = tests/fuzz/fuzz_values.c drivers/soft/soft.c $(engine_sources) \
	$(core_but_modules)
tests_fuzz_fuzz_values_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_fuzz_vfio_server_SOURCES = tests/fuzz/fuzz_vfio_server.c $(hifn_model_sources)
tests_fuzz_fuzz_vfio_server_LDFLAGS = -fsanitize=fuzzer
