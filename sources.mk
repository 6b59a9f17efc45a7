# SPDX-License-Identifier: LGPL-2.1-or-later
# What each program and module is made of. Headers need not be listed.

# All but main(): the daemon and the unit tests are linked from these.
core_sources = $(core_but_modules) src/module.c
# Some tests link drivers and balancers into themselves (tests/static_modules.h).
core_but_modules = \
	src/account.c src/alg.c src/balancer.c src/buf.c src/data.c src/device.c \
	src/device_health.c src/device_threads.c src/driver.c src/encode.c src/epoch.c \
	src/heap.c src/history.c src/job.c src/log.c src/metrics.c src/nonce.c src/pages.c \
	src/queue.c src/registry.c src/report.c src/request.c src/sched.c src/secret.c \
	src/session.c src/sessions.c src/settings.c src/stats.c src/stream.c src/timer.c \
	src/value_table.c src/values.c

# All that knows FUSE.
fsops_sources = \
	fsops/file_data.c fsops/file_text.c fsops/file_value.c fsops/files.c fsops/loop.c \
	fsops/ops.c fsops/show.c fsops/tree.c fsops/wait.c fsops/who.c

# The software engine, inside soft and in every fault driver that computes.
engine_sources = \
	drivers/soft/aead.c drivers/soft/cipher.c drivers/soft/ctx.c drivers/soft/digest.c \
	drivers/soft/engine.c drivers/soft/kdf.c drivers/soft/mac.c drivers/soft/rows.c \
	drivers/soft/wrap.c

drivers_PROGRAMS = \
	drivers/soft/soft.so drivers/null/null.so drivers/delay/delay.so drivers/error/error.so \
	drivers/flip/flip.so drivers/hang/hang.so drivers/vanish/vanish.so
drivers_soft_soft_so_SOURCES = drivers/soft/soft.c $(engine_sources)
drivers_null_null_so_SOURCES = drivers/null/null.c
drivers_delay_delay_so_SOURCES = drivers/delay/delay.c $(engine_sources)
drivers_error_error_so_SOURCES = drivers/error/error.c $(engine_sources)
drivers_flip_flip_so_SOURCES = drivers/flip/flip.c $(engine_sources)
drivers_hang_hang_so_SOURCES = drivers/hang/hang.c $(engine_sources)
drivers_vanish_vanish_so_SOURCES = drivers/vanish/vanish.c $(engine_sources)

lb_PROGRAMS = lb/least-loaded.so lb/round-robin.so
lb_least_loaded_so_SOURCES = lb/least-loaded.c
lb_round_robin_so_SOURCES = lb/round-robin.c

# Models of cards, for tests: a vfio-user server and what it serves. They share nothing with
# the drivers but the references.
vfio_user_server_sources = \
	tests/models/vfio_user/dma.c tests/models/vfio_user/dma_messages.c \
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
	tests/models/hifn795x/rings.c tests/models/hifn795x/unlock.c \
	$(vfio_user_server_sources)
ce99_model_sources = \
	tests/models/ce99/bar0.c tests/models/ce99/card.c tests/models/ce99/check.c \
	tests/models/ce99/cipher.c tests/models/ce99/faults.c tests/models/ce99/names.c \
	tests/models/ce99/operation.c \
	$(vfio_user_server_sources)
model_programs = tests/models/ce99/ce99-model tests/models/hifn795x/hifn795x-model
tests_models_ce99_ce99_model_SOURCES = tests/models/ce99/main.c \
	tests/models/vfio_user/program.c $(ce99_model_sources)
tests_models_hifn795x_hifn795x_model_SOURCES = tests/models/hifn795x/main.c \
	tests/models/vfio_user/program.c $(hifn_model_sources)

# Unit tests: `make check` builds and runs each. LDADD is the daemon's by default.
unit_tests = tests/unit_core tests/unit_queue tests/unit_sched tests/unit_settings \
	tests/unit_soft
tests_unit_core_SOURCES = tests/unit_core.c $(core_sources)
tests_unit_queue_SOURCES = tests/unit_queue.c src/heap.c src/queue.c
tests_unit_sched_SOURCES = tests/unit_sched.c lb/least-loaded.c $(core_but_modules)
tests_unit_settings_SOURCES = tests/unit_settings.c src/log.c src/settings.c
tests_unit_soft_SOURCES = tests/unit_soft.c $(engine_sources)

# Fuzzers: `make fuzzers` in a tree configured with CC=clang --enable-sanitizer=fuzzer.
fuzz_programs = tests/fuzz_ce99_model tests/fuzz_queue tests/fuzz_settings tests/fuzz_values \
	tests/fuzz_vfio_server
tests_fuzz_ce99_model_SOURCES = tests/fuzz_ce99_model.c $(ce99_model_sources)
tests_fuzz_ce99_model_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_queue_SOURCES = tests/fuzz_queue.c src/heap.c src/queue.c
tests_fuzz_queue_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_settings_SOURCES = tests/fuzz_settings.c src/log.c src/settings.c
tests_fuzz_settings_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_values_SOURCES = tests/fuzz_values.c drivers/soft/soft.c $(engine_sources) \
	$(core_but_modules)
tests_fuzz_values_LDFLAGS = -fsanitize=fuzzer
tests_fuzz_vfio_server_SOURCES = tests/fuzz_vfio_server.c $(hifn_model_sources)
tests_fuzz_vfio_server_LDFLAGS = -fsanitize=fuzzer
