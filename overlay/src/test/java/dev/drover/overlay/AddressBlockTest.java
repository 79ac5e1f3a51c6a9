package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Cidr;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AddressBlockTest {
    private static final Cidr SMALL = Cidr.parse("10.42.1.0/29");

    @Test
    void theFirstAddressIsTheHostsAndTheLastTheBroadcast() {
        AddressBlock block = new AddressBlock(SMALL);

        assertThat(Cidr.format(block.own())).isEqualTo("10.42.1.1");
        assertThat(block.capacity()).isEqualTo(5);
        for (int i = 2; i <= 6; i++) {
            assertThat(block.allocate("c" + i)).isEqualTo(address(i));
        }
        assertThatThrownBy(() -> block.allocate("more"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("address block 10.42.1.0/29: full, 5 containers (expected: at most 5 on this host)");
    }

    @Test
    void aKeyKeepsItsAddress() {
        AddressBlock block = new AddressBlock(SMALL);

        int first = block.allocate("a");

        assertThat(block.allocate("a")).isEqualTo(first);
        assertThat(block.allocate("a", address(5))).isEqualTo(first);
        assertThat(block.address("a")).contains(first);
        assertThat(block.address("b")).isEmpty();
    }

    @Test
    void aRequestedAddressIsHonouredWhenItIsFreeAndOfThisBlock() {
        AddressBlock block = new AddressBlock(SMALL);

        assertThat(block.allocate("a", address(4))).isEqualTo(address(4));
        assertThat(block.allocate("b", address(4))).isEqualTo(address(2));
        assertThat(block.allocate("c", address(1))).as("the host's").isEqualTo(address(3));
        assertThat(block.allocate("d", address(7))).as("broadcast").isEqualTo(address(5));
        assertThat(block.allocate("e", Cidr.parseAddress("10.42.9.9"))).isEqualTo(address(6));
    }

    @Test
    void aReleasedAddressWaitsUntilNoOlderOneIsLeft() {
        AddressBlock block = new AddressBlock(SMALL);
        block.allocate("a");
        block.allocate("b");
        block.release("b");
        block.release("a");

        assertThat(block.allocate("c")).isEqualTo(address(4));
        assertThat(block.allocate("d")).isEqualTo(address(5));
        assertThat(block.allocate("e")).isEqualTo(address(6));
        assertThat(block.released()).containsExactly(address(3), address(2));
        assertThat(block.allocate("f")).isEqualTo(address(3));
        assertThat(block.allocate("g")).isEqualTo(address(2));
    }

    @Test
    void releasingTwiceIsHarmless() {
        AddressBlock block = new AddressBlock(SMALL);
        block.allocate("a");

        assertThat(block.release("a")).isTrue();
        assertThat(block.release("a")).isFalse();
        assertThat(block.released()).hasSize(1);
    }

    @Test
    void aRestartGoesOnWhereTheLastProcessEnded() {
        AddressBlock before = new AddressBlock(SMALL);
        before.allocate("a");
        before.allocate("b");
        before.allocate("c");
        before.release("b");

        AddressBlock after = new AddressBlock(SMALL);
        List<String> refused = after.restore(before.assignments(), before.released());

        assertThat(refused).isEmpty();
        assertThat(after.assignments()).isEqualTo(Map.of("a", address(2), "c", address(4)));
        assertThat(after.allocate("d")).isEqualTo(address(5));
        assertThat(after.allocate("e")).isEqualTo(address(6));
        assertThat(after.allocate("f")).isEqualTo(address(3));
    }

    @Test
    void anAssignmentOfAnotherBlockIsRefusedAtRestore() {
        AddressBlock block = new AddressBlock(SMALL);

        List<String> refused =
                block.restore(Map.of("a", address(2), "b", Cidr.parseAddress("10.42.9.2"), "c", address(1)), List.of());

        assertThat(refused).containsExactlyInAnyOrder("b", "c");
        assertThat(block.assignments()).containsOnlyKeys("a");
    }

    @Test
    void aBlockWithoutRoomIsRefused() {
        assertThatThrownBy(() -> new AddressBlock(Cidr.parse("10.42.1.0/31")))
                .hasMessage("block: 10.42.1.0/31 (expected: /30 or wider)");
        assertThat(new AddressBlock(Cidr.parse("10.42.1.0/30")).capacity()).isEqualTo(1);
    }

    @Test
    void noAddressHasTwoOwnersWhateverHappens() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        AddressBlock block = new AddressBlock(Cidr.parse("10.42.1.0/27"));
        Set<String> live = new HashSet<>();
        for (int i = 0; i < 20_000; i++) {
            String key = "c" + random.nextInt(29);
            if (random.nextBoolean()) {
                int requested = block.block().address(random.nextInt(32));
                int address = random.nextBoolean() ? block.allocate(key) : block.allocate(key, requested);
                assertThat(block.block().contains(address)).as("seed %d", seed).isTrue();
                live.add(key);
            } else {
                assertThat(block.release(key)).as("seed %d", seed).isEqualTo(live.remove(key));
            }
            assertThat(block.assignments().keySet()).as("seed %d", seed).isEqualTo(live);
            Set<Integer> taken = new HashSet<>(block.assignments().values());
            assertThat(taken).as("seed %d", seed).hasSize(live.size());
            assertThat(block.released()).as("seed %d", seed).noneMatch(taken::contains);
        }
    }

    private static int address(int index) {
        return SMALL.address(index);
    }
}
