package dev.drover.perf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** CPU time of the whole machine, from {@code /proc/stat}, and of one process: kernel and user space together. */
final class Cpu {
    private static final double TICKS_PER_SECOND = 100; // USER_HZ, fixed by the kernel's ABI

    private Cpu() {}

    /** Seconds all cores were busy since boot; the difference of two calls is what lies between them. */
    static double busySeconds() {
        String line;
        try (var lines = Files.lines(Path.of("/proc/stat"))) {
            line = lines.findFirst().orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String[] fields = line.trim().split("\\s+");
        long busy = 0;
        for (int i = 1; i <= 8; i++) { // user nice system idle iowait irq softirq steal
            if (i != 4 && i != 5) {
                busy += Long.parseLong(fields[i]);
            }
        }
        return busy / TICKS_PER_SECOND;
    }

    /** Seconds that a process and its living children have used, kernel and user space, {@code proc_pid_stat(5)}. */
    static double processSeconds(ProcessHandle process) {
        return Stream.concat(Stream.of(process), process.descendants())
                .mapToDouble(Cpu::ownSeconds)
                .sum();
    }

    private static double ownSeconds(ProcessHandle process) {
        try {
            String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
        } catch (IOException e) {
            return 0; // it has ended meanwhile
        }
    }
}
