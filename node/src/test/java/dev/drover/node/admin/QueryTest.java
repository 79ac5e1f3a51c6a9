package dev.drover.node.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QueryTest {

    @Test
    void valuesAreDecoded() {
        Query query = Query.parse("address=10.42.1.2&from=%31").only("address", "from");
        assertThat(query.value("address")).isEqualTo("10.42.1.2");
        assertThat(query.value("from")).isEqualTo("1");
        assertThat(Query.parse(null).value("address")).isNull();
        assertThat(Query.parse("").value("address")).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "=b", "a=1&a=2", "a=%zz", "a=1&&b=2", "a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1"})
    void whatIsNoQueryIsRefused(String text) {
        assertThatThrownBy(() -> Query.parse(text))
                .isInstanceOf(Query.BadQueryException.class)
                .hasMessageStartingWith("query: ")
                .hasMessageContaining("(expected: ");
    }

    @Test
    void aLongQueryIsRefused() {
        assertThatThrownBy(() -> Query.parse("a=" + "x".repeat(300)))
                .hasMessage("query: 302 characters (expected: at most 256)");
    }

    @Test
    void anUnknownParameterIsRefused() {
        assertThatThrownBy(() -> Query.parse("to=1").only("address", "from"))
                .hasMessage("query: to (expected: address, from)");
    }
}
