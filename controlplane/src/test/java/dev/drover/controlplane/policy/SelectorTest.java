package dev.drover.controlplane.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SelectorTest {
    private static final Map<String, String> LABELS = Map.of("role", "web", "io.example/tier", "front");

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "role = web | true",
                "role=db | false",
                "role != db | true",
                "role != web | false",
                "zone != a | true",
                "role in (db, web) | true",
                "role in (db) | false",
                "role notin (db, cache) | true",
                "role notin (web) | false",
                "role | true",
                "zone | false",
                "role = web, io.example/tier = front | true",
                "role in (db,web), io.example/tier = back | false"
            })
    void allTermsHaveToHold(String text, boolean selects) {
        assertThat(Selector.parse(text).selects(LABELS)).isEqualTo(selects);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "=", "role =", "role in", "role in ()", "role in (a", "role,,zone", "!role", "a b", "in (a)"
            })
    void whatIsNoSelectorIsRefused(String text) {
        assertThatThrownBy(() -> Selector.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(text + " (expected: KEY = VALUE");
    }

    @Test
    void aLongSelectorIsRefused() {
        assertThatThrownBy(() -> Selector.parse("x".repeat(513))).hasMessage("513 characters (expected: at most 512)");
    }
}
