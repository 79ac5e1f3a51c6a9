package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.lb.LeakGuard;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakGuard.class)
class BodyScannerTest {
    private static final int ROUNDS = 300;

    /** Scans {@code wire} in pieces; returns what was passed on, the result, and how much was left. */
    private static String scan(BodyScanner scanner, String wire, Random cuts) {
        StringBuilder passed = new StringBuilder();
        BodyScanner.Sink sink = piece -> {
            passed.append(piece.toString(StandardCharsets.ISO_8859_1));
            piece.release();
        };
        int at = 0;
        BodyScanner.Result result = BodyScanner.Result.MORE;
        while (at < wire.length() && result == BodyScanner.Result.MORE) {
            int length = 1 + cuts.nextInt(Math.min(wire.length() - at, 1 + cuts.nextInt(40)));
            ByteBuf in = PooledByteBufAllocator.DEFAULT.directBuffer(length);
            in.writeCharSequence(wire.substring(at, at + length), StandardCharsets.ISO_8859_1);
            if (scanner.takesWhole(in)) {
                sink.onBody(in.retainedSlice());
                in.skipBytes(length);
                result = scanner.ended() ? BodyScanner.Result.END : BodyScanner.Result.MORE;
            } else {
                result = scanner.scan(in, sink);
            }
            at += length - in.readableBytes();
            in.release();
        }
        return result + " " + passed + "|" + wire.substring(at);
    }

    private static String data(Random random) {
        return "ab\r\n0\r\n\r\n".repeat(10).substring(0, 1 + random.nextInt(90));
    }

    @Test
    void chunks_pass_unchanged_but_for_extensions_and_the_way_the_last_one_is_written() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        BodyScanner scanner = new BodyScanner(new Fields());
        for (int round = 0; round < ROUNDS; round++) {
            StringBuilder wire = new StringBuilder();
            StringBuilder data = new StringBuilder();
            for (int i = random.nextInt(6); i > 0; i--) {
                String piece = data(random);
                data.append(piece);
                wire.append(random.nextBoolean() ? "" : "000")
                        .append(Integer.toHexString(piece.length()))
                        .append(random.nextInt(3) == 0 ? ";a=\"q\\\"\";b" : "")
                        .append("\r\n")
                        .append(piece)
                        .append("\r\n");
            }
            boolean trailer = random.nextBoolean();
            wire.append(random.nextBoolean() ? "0" : "0000;x").append("\r\n");
            wire.append(trailer ? "Host: evil\r\nX-Sum: 1\r\n" : "").append("\r\n");
            scanner.chunked(true);
            assertThat(scan(scanner, wire + "NEXT", random))
                    .as("seed %d round %d", seed, round)
                    .isEqualTo("END " + data + "|NEXT");
            assertThat(scanner.bodyBytes()).isEqualTo(data.length());

            scanner.chunked(false);
            String framed = scan(scanner, wire + "NEXT", random);
            assertThat(framed)
                    .as("seed %d round %d", seed, round)
                    .startsWith("END ")
                    .endsWith((trailer ? "0\r\nX-Sum: 1\r\n\r\n" : "0\r\n\r\n") + "|NEXT")
                    .doesNotContain("evil");
            String again = framed.substring(4, framed.length() - 5);
            scanner.chunked(true);
            assertThat(scan(scanner, again, random))
                    .as("seed %d round %d", seed, round)
                    .isEqualTo("END " + data + "|");
        }
    }

    @Test
    void a_length_ends_where_it_says() {
        Random random = new Random(1);
        BodyScanner scanner = new BodyScanner(new Fields());
        scanner.length(10);
        assertThat(scan(scanner, "0123456789NEXT", random)).isEqualTo("END 0123456789|NEXT");
        scanner.length(0);
        assertThat(scanner.ended()).isTrue();
        scanner.untilClose();
        assertThat(scan(scanner, "0123456789", random)).isEqualTo("MORE 0123456789|");
    }

    @Test
    void noise_ends_or_is_malformed_and_never_throws() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        String alphabet = "0123456789abcdefF;\r\n\"\\ \tX:\u00e9\0";
        BodyScanner scanner = new BodyScanner(new Fields());
        for (int round = 0; round < ROUNDS; round++) {
            StringBuilder wire = new StringBuilder();
            for (int i = random.nextInt(60); i >= 0; i--) {
                wire.append(random.nextInt(4) == 0 ? "\r\n" : alphabet.charAt(random.nextInt(alphabet.length())));
            }
            scanner.chunked(random.nextBoolean());
            assertThat(scan(scanner, wire.toString(), random))
                    .as("seed %d round %d", seed, round)
                    .matches("(?s)(MORE|END|MALFORMED) .*");
        }
    }
}
