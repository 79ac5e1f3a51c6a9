package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;

class SourceRatesTest {
    private static final long SECOND_NS = 1_000_000_000;

    private final SourceRates rates = new SourceRates();
    private final long startNs = System.nanoTime();

    @Test
    void a_source_gets_its_burst_and_then_its_rate() {
        int granted = 0;
        for (int ms = 0; ms < 10_000; ms += 10) {
            granted += rates.take(1, 5, 20, startNs + ms * 1_000_000L) == 0 ? 1 : 0;
        }
        assertThat(granted).isBetween(20 + 49, 20 + 50);
    }

    @Test
    void who_is_refused_is_told_when_to_come_again() {
        assertThat(rates.take(1, 2, 1, startNs)).isZero();
        long waitNs = rates.take(1, 2, 1, startNs);
        assertThat(waitNs).isEqualTo(SECOND_NS / 2);
        assertThat(rates.take(1, 2, 1, startNs + waitNs - 1)).isPositive();
        assertThat(rates.take(1, 2, 1, startNs + waitNs)).isZero();
    }

    @Test
    void more_sources_than_there_are_places_forget_the_idle_first() {
        for (int i = 0; i < 100; i++) {
            rates.take(7, 1, 100, startNs);
        }
        for (long source = 1_000; source < 60_000; source++) {
            assertThat(rates.take(source, 1, 100, startNs)).isZero();
        }
        assertThat(rates.take(7, 1, 100, startNs)).as("still known").isPositive();
    }

    @Test
    void an_address_of_ipv4_and_a_network_of_ipv6_is_a_source() throws Exception {
        assertThat(key("192.0.2.1")).isNotEqualTo(key("192.0.2.2")).isNotEqualTo(key("::c000:201"));
        assertThat(key("2001:db8::1")).isEqualTo(key("2001:db8::ffff:1"));
        assertThat(key("2001:db8::1")).isNotEqualTo(key("2001:db8:0:1::1"));
        assertThat(key("::1")).isNotZero();
    }

    private static long key(String address) throws Exception {
        return SourceKey.exact(new InetSocketAddress(InetAddress.getByName(address), 1));
    }
}
