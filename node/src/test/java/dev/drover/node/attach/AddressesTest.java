package dev.drover.node.attach;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Cidr;
import dev.drover.node.state.StateDir;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AddressesTest {
    private static final Cidr BLOCK = Cidr.parse("10.42.1.0/24");

    @TempDir
    Path temporary;

    @Test
    void aContainerKeepsAddressAndMacOverARestartOfTheNode() throws Exception {
        Addresses.Lease lease;
        try (StateDir state = StateDir.open(temporary);
                Addresses addresses = new Addresses(BLOCK, state)) {
            lease = addresses.lease("c1", new int[0]);
        }
        try (StateDir state = StateDir.open(temporary);
                Addresses addresses = new Addresses(BLOCK, state)) {
            assertThat(addresses.of("c1")).isEqualTo(lease);
            assertThat(addresses.lease("c2", new int[0]).address()).isNotEqualTo(lease.address());
        }
    }

    @Test
    void theFirstWantedAddressThatIsFreeIsGiven() throws Exception {
        try (StateDir state = StateDir.open(temporary);
                Addresses addresses = new Addresses(BLOCK, state)) {
            int wanted = Cidr.parseAddress("10.42.1.240");
            int second = Cidr.parseAddress("10.42.1.241");
            int elsewhere = Cidr.parseAddress("10.42.7.7");
            assertThat(addresses.lease("c1", new int[] {elsewhere, wanted}).address())
                    .isEqualTo(wanted);
            assertThat(addresses.lease("c2", new int[] {wanted, second}).address())
                    .isEqualTo(second);
            assertThat(BLOCK.contains(addresses.lease("c3", new int[] {wanted}).address()))
                    .isTrue();
        }
    }

    @Test
    void aReleasedAddressIsNotTheNextOneGiven() throws Exception {
        try (StateDir state = StateDir.open(temporary);
                Addresses addresses = new Addresses(BLOCK, state)) {
            int first = addresses.lease("c1", new int[0]).address();
            addresses.release("c1");
            assertThat(addresses.of("c1")).isNull();
            assertThat(addresses.lease("c2", new int[0]).address()).isNotEqualTo(first);
        }
    }

    @Test
    void addressesOfAnotherBlockAreDropped() throws Exception {
        try (StateDir state = StateDir.open(temporary);
                Addresses before = new Addresses(BLOCK, state)) {
            before.lease("c1", new int[0]);
            before.awaitSaved();
            try (Addresses after = new Addresses(Cidr.parse("10.42.9.0/24"), state)) {
                assertThat(after.of("c1")).isNull();
            }
        }
    }

    @Test
    void aLeaseThatWasAwaitedIsOnDisk() throws Exception {
        try (StateDir state = StateDir.open(temporary);
                Addresses addresses = new Addresses(BLOCK, state)) {
            for (int i = 0; i < 20; i++) {
                Addresses.Lease lease = addresses.lease("c" + i, new int[0]);
                addresses.awaitSaved();
                try (Addresses read = new Addresses(BLOCK, state)) {
                    assertThat(read.of("c" + i)).isEqualTo(lease);
                }
            }
        }
    }
}
