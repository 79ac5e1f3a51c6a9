package dev.drover.node;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The house rules of the design, section 1, over every module the node sees. */
final class ArchitectureTest {
    private static final String[] OURS = {
        "dev.drover.overlay..", "dev.drover.lb..", "dev.drover.dns..", "dev.drover.controlplane..", "dev.drover.node.."
    };
    private static final JavaClasses ALL = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.drover");

    @Test
    void dataplaneKnowsNothingOfOurs() {
        noClasses()
                .that()
                .resideInAPackage("dev.drover.dataplane..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(OURS)
                .check(ALL);
    }

    @Test
    void dataPlaneModulesKnowOnlyTheKit() {
        String[] modules = {"overlay", "lb", "dns"};
        for (String module : modules) {
            for (String other : new String[] {"overlay", "lb", "dns", "controlplane", "node"}) {
                if (!other.equals(module)) {
                    noClasses()
                            .that()
                            .resideInAPackage("dev.drover." + module + "..")
                            .should()
                            .dependOnClassesThat()
                            .resideInAPackage("dev.drover." + other + "..")
                            .check(ALL);
                }
            }
        }
    }

    @Test
    void dataPlaneModulesKnowNothingOfDockerOrJson() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "dev.drover.dataplane..", "dev.drover.overlay..", "dev.drover.lb..", "dev.drover.dns..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("com.github.dockerjava..", "com.linecorp.armeria..", "com.fasterxml.jackson..")
                .check(ALL);
    }

    @Test
    void controlPlaneIsNotInTheDataPath() {
        noClasses()
                .that()
                .resideInAPackage("dev.drover.controlplane..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.drover.dataplane..",
                        "dev.drover.overlay..",
                        "dev.drover.lb..",
                        "dev.drover.dns..",
                        "dev.drover.node..")
                .check(ALL);
    }

    @Test
    void hotCodeDoesNotLogOrMatchPatterns() {
        noClasses()
                .that()
                .resideInAPackage("..path..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.slf4j..", "ch.qos.logback..", "java.util.regex..", "..ctl..")
                .check(ALL);
    }

    @Test
    void nodeSeesOfTheControlPlaneOnlyTheLinkAndItsStart() {
        noClasses()
                .that()
                .resideInAPackage("dev.drover.node..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.drover.controlplane.api..",
                        "dev.drover.controlplane.model..",
                        "dev.drover.controlplane.store..",
                        "dev.drover.controlplane.repository..",
                        "dev.drover.controlplane.schedule..",
                        "dev.drover.controlplane.security..")
                .check(ALL);
    }

    @Test
    void dockerJavaStaysBehindItsDoors() {
        classes()
                .that()
                .resideOutsideOfPackages("dev.drover.node.docker", "dev.drover.node.workload", "com.github..")
                .should()
                .onlyDependOnClassesThat()
                .resideOutsideOfPackage("com.github.dockerjava..")
                .check(ALL);
    }

    @Test
    void packagesOfTheNodeHaveNoCycles() {
        slices().matching("dev.drover.node.(*)..").should().beFreeOfCycles().check(ALL);
    }
}
