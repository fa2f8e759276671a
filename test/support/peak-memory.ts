import { readFileSync, writeFileSync } from "node:fs";

/** Megabytes by which this process's resident memory grew at its highest while the work ran. Linux only. */
export async function peakGrowthMb(work: () => Promise<unknown>): Promise<number> {
  // Resets the kernel's high-water mark to what is resident now.
  writeFileSync("/proc/self/clear_refs", "5");
  const before = residentPeakMb();
  await work();
  return residentPeakMb() - before;
}

function residentPeakMb(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kilobytes) / 1024;
}
