package dev.drover.node.mapping;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class HostResolversTest {
    @Test
    void leavesOutItselfLoopbackStubsAndNonsense() {
        assertThat(HostResolvers.parse("""
                        # comment
                        nameserver 127.0.0.53
                        nameserver 169.254.169.250
                        nameserver   192.0.2.53
                        nameserver not-an-address
                        nameserver
                        search example.org
                        nameserver 2001:db8::53
                        """))
                .containsExactly(Tables.socketAddress("192.0.2.53:53"), Tables.socketAddress("[2001:db8::53]:53"));
    }
}
