package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.SocketName;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AddressMapTest {
    private static final int PEERS = 1_000;

    @Test
    void findsWhatAHashMapFinds() throws UnknownHostException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<InetAddress, String> expected = new HashMap<>();
        for (int i = 0; i < PEERS; i++) {
            InetAddress address = address(random);
            expected.put(address, address.getHostAddress());
        }
        AddressMap<String> map = new AddressMap<>(expected);
        expected.forEach((address, value) ->
                assertThat(find(map, address)).as("seed %d", seed).isSameAs(value));
        for (int i = 0; i < PEERS; i++) {
            InetAddress stranger = address(random);
            assertThat(find(map, stranger)).as("seed %d", seed).isSameAs(expected.get(stranger));
        }
    }

    /** Few different bytes, so that halves repeat. */
    private static InetAddress address(Random random) throws UnknownHostException {
        byte[] bytes = new byte[random.nextInt(4) == 0 ? 4 : 16];
        bytes[0] = 0x20;
        for (int i = 0; i < 4; i++) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(4);
        }
        return InetAddress.getByAddress(bytes);
    }

    private static String find(AddressMap<String> map, InetAddress address) {
        return map.get(SocketName.high(address), SocketName.low(address));
    }
}
