/* An NVML of two GPUs for the tests: what of it `gpuwise sample` calls, with figures that a test can tell apart. GPU 0 is
 * whole and knows everything; GPU 1 is cut into two slices, and answers "not supported" for power, energy and ECC, as some
 * boards do. Declarations follow NVIDIA's nvml.h (its binary interface, versions as nvml-wrapper 0.13 calls them). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7 } Return;
typedef struct Handle { int gpu, slice; } *Device;
typedef unsigned long long ull;

static struct Handle devices[4] = {{0, -1}, {1, -1}, {1, 0}, {1, 1}};
#define HANDLE(at) (&devices[at])
#define IS_SLICE(d) ((d)->slice >= 0)

Return nvmlInit_v2(void) { return getenv("STUB_NVML_NO_DRIVER") ? 9 : OK; }
Return nvmlShutdown(void) { return OK; }
Return nvmlSystemGetDriverVersion(char *text, unsigned length) { snprintf(text, length, "580.95.05"); return OK; }

/* Time. `gpuwise sample` counts GPUs once a reading, and sleeps for a second between two: by the stub's clock for exactly
 * one, so that a test knows what lies in between. It is never ahead of the real one. */
static ull begun, readings;
static ull now(void) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  return at.tv_sec * 1000000ULL + at.tv_nsec / 1000;
}
Return nvmlDeviceGetCount_v2(unsigned *count) {
  if (!readings++) begun = now();
  *count = 2;
  return OK;
}
Return nvmlDeviceGetHandleByIndex_v2(unsigned at, Device *d) {
  if (at > 1) return INVALID;
  *d = HANDLE(at);
  return OK;
}

Return nvmlDeviceGetUUID(Device d, char *text, unsigned length) {
  if (IS_SLICE(d)) snprintf(text, length, "MIG-slice-%d", d->slice);
  else snprintf(text, length, "GPU-stub-%d", d->gpu);
  return OK;
}
Return nvmlDeviceGetName(Device d, char *text, unsigned length) {
  const char *mig[] = {" MIG 3g.40gb", " MIG 1g.10gb"};
  snprintf(text, length, "NVIDIA H100 80GB HBM3%s", IS_SLICE(d) ? mig[d->slice] : "");
  return OK;
}
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char busId[32]; } Pci;
Return nvmlDeviceGetPciInfo_v3(Device d, Pci *pci) {
  memset(pci, 0, sizeof *pci);
  snprintf(pci->busId, sizeof pci->busId, "00000000:0%d:00.0", d->gpu + 1);
  return OK;
}
Return nvmlDeviceGetMinorNumber(Device d, unsigned *minor) { *minor = d->gpu; return OK; }

Return nvmlDeviceGetMigMode(Device d, unsigned *current, unsigned *pending) {
  if (d->gpu == 0) return NOT_SUPPORTED;
  *current = *pending = 1;
  return OK;
}
Return nvmlDeviceGetMaxMigDeviceCount(Device d, unsigned *count) { (void)d; *count = 7; return OK; }
Return nvmlDeviceGetMigDeviceHandleByIndex(Device d, unsigned at, Device *slice) {
  (void)d;
  if (at > 1) return NOT_FOUND;
  *slice = HANDLE(2 + at);
  return OK;
}

/* A light load that comes and goes, as an H200 tells of one that works for 0.05 s of every 0.5 s: a sample every 0.2 s, whose
 * mean over a second is 10, of memory 5; before the first reading's second it was busy. What is asked once a second meets
 * the same pause each time. STUB_NVML_SAMPLES=none has no samples, and =stop takes none after the first reading; then the
 * last sample period shows 20 at the first reading and 60 at all later ones. */
typedef struct { unsigned gpu, memory; } Utilization;
static int samples_are(const char *how) {
  const char *told = getenv("STUB_NVML_SAMPLES");
  return told && !strcmp(told, how);
}
Return nvmlDeviceGetUtilizationRates(Device d, Utilization *u) {
  int moments = samples_are("none") || samples_are("stop");
  if (d->gpu == 1) return NOT_SUPPORTED;
  u->gpu = moments ? (readings == 1 ? 20 : 60) : 0;
  u->memory = moments ? 10 : 0;
  return OK;
}
typedef struct { ull at; union { double d; unsigned u; ull l; } value; } Sample;
Return nvmlDeviceGetSamples(Device d, unsigned kind, ull last, unsigned *type, unsigned *count, Sample *found) {
  const unsigned busy[] = {0, 24, 0, 7, 19}, step = 200000, held = 30;
  unsigned room = *count, there = 0;
  ull end = samples_are("stop") ? 1 : readings;
  if (d->gpu == 1 || kind < 1 || kind > 2 || samples_are("none")) return NOT_SUPPORTED;
  *type = 1; /* unsigned */
  for (ull at = 5 * end; at < 5 * end + held; at++) { /* the last that it holds is at (end - 1) seconds */
    Sample one = {begun + (at + 1) * step - (held + 5) * step, {0}};
    one.value.u = at < held ? 100 : kind == 1 ? busy[at % 5] : 5;
    if (one.at <= last) continue;
    if (found && there < room) found[there] = one;
    there++;
  }
  if (!there) return NOT_FOUND;
  *count = found && there > room ? room : there;
  return OK;
}
typedef struct { unsigned version; ull total, reserved, free, used; } Memory;
Return nvmlDeviceGetMemoryInfo_v2(Device d, Memory *m) {
  const ull mib = 1 << 20;
  m->total = 81559 * mib;
  m->reserved = 559 * mib;
  m->used = (IS_SLICE(d) ? 1000 + d->slice : 30000) * mib;
  m->free = m->total - m->reserved - m->used;
  return OK;
}
Return nvmlDeviceGetPowerUsage(Device d, unsigned *milliwatts) {
  *milliwatts = 350500;
  return d->gpu ? NOT_SUPPORTED : OK;
}
Return nvmlDeviceGetTotalEnergyConsumption(Device d, ull *millijoules) {
  *millijoules = 123456789012ULL + (now() - begun) / 1000 * 700; /* 700 W, twice what each moment shows */
  return d->gpu ? NOT_SUPPORTED : OK;
}
Return nvmlDeviceGetClockInfo(Device d, unsigned kind, unsigned *mhz) {
  (void)d;
  *mhz = kind == 1 ? 1980 : 2619;
  return OK;
}
Return nvmlDeviceGetTemperature(Device d, unsigned sensor, unsigned *celsius) {
  (void)d, (void)sensor;
  *celsius = 61;
  return OK;
}
Return nvmlDeviceGetCurrentClocksThrottleReasons(Device d, ull *bits) { (void)d; *bits = 4; return OK; }
Return nvmlDeviceGetTotalEccErrors(Device d, unsigned error, unsigned life, ull *count) {
  *count = 10 * life + error; /* corrected 0, uncorrected 1; volatile 0, aggregate 1 */
  return d->gpu ? NOT_SUPPORTED : OK;
}

/* One process on GPU 0 and on the first slice. */
typedef struct { unsigned pid; ull memory; unsigned instance, compute; } Process;
Return nvmlDeviceGetComputeRunningProcesses_v3(Device d, unsigned *count, Process *found) {
  unsigned room = *count, there = d->slice == 1 || (d->gpu == 1 && !IS_SLICE(d)) ? 0 : 1;
  *count = there;
  if (room < there) return TOO_SMALL;
  if (there) *found = (Process){4242, 29000ULL << 20, IS_SLICE(d) ? 2 : ~0u, IS_SLICE(d) ? 0 : ~0u};
  return OK;
}

/* Performance counters: percent, by GPU instance, which is 0 of a whole GPU. */
typedef struct { unsigned version, supported; } Support;
Return nvmlGpmQueryDeviceSupport(Device d, Support *s) { (void)d; s->supported = 1; return OK; }
Return nvmlGpmSampleAlloc(unsigned **sample) { *sample = calloc(1, sizeof **sample); return OK; }
Return nvmlGpmSampleFree(unsigned *sample) { free(sample); return OK; }
Return nvmlGpmSampleGet(Device d, unsigned *sample) { (void)d; *sample = 0; return OK; }
Return nvmlGpmMigSampleGet(Device d, unsigned instance, unsigned *sample) { (void)d; *sample = instance; return OK; }
typedef struct { unsigned id; Return answer; double value; char *names[3]; } Metric;
typedef struct { unsigned version, count; unsigned *before, *after; Metric metrics[210]; } Metrics;
Return nvmlGpmMetricsGet(Metrics *m) {
  for (unsigned at = 0; at < m->count; at++) {
    m->metrics[at].answer = OK;
    m->metrics[at].value = 50.0 + m->metrics[at].id + 10.0 * *m->after;
  }
  return OK;
}
