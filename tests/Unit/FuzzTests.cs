using StableDiffusion.Fuzz;

namespace StableDiffusion.Tests;

/// <summary>The short run of the fuzzers: every case that has shown a fault, and a fixed number of new ones of each target.</summary>
public sealed class FuzzTests
{
    private const int Cases = 100;

    public static TheoryData<string> Targets() => [.. FuzzTargets.ManagedNames];

    public static TheoryData<string> NativeTargets() => [.. FuzzTargets.Names.Except(FuzzTargets.ManagedNames)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_hostile_case_is_read_or_refused_by_a_typed_error(string target) =>
        Assert.Empty(FuzzTargets.Run(target, seed: 1, Cases));

    /// <summary>New cases could end the process of the tests.</summary>
    [Theory]
    [MemberData(nameof(NativeTargets))]
    public void A_native_reader_takes_its_valid_cases_and_those_that_ended_it_once(string target) =>
        Assert.Empty(FuzzTargets.Run(target, seed: 1, count: 0));
}
