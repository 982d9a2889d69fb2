using System.Text.Json;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Sampling.KDiffusion;

namespace StableDiffusion.Tests.Sampling.KDiffusion;

/// <summary>Runs k-diffusion's samplers on the closed-form model of kdiffusion.json and compares with its numbers.</summary>
public sealed class SamplerReferenceTests
{
    private static readonly JsonElement s_reference = JsonDocument.Parse(File.ReadAllBytes(Repository.Data("kdiffusion.json"))).RootElement;

    private static readonly SchedulerConfig s_empty = SchedulerConfig.Parse("{}");

    public static TheoryData<int, string> Cases()
    {
        TheoryData<int, string> cases = [];
        int index = 0;
        foreach (JsonElement reference in s_reference.GetProperty("cases").EnumerateArray())
            cases.Add(index++, $"{Text(reference, "sampler")} {Text(reference, "schedule")} {Number(reference, "steps")} {Text(reference, "noise")}");
        return cases;
    }

    public static TheoryData<string, int> Schedules()
    {
        TheoryData<string, int> schedules = [];
        foreach (JsonProperty schedule in s_reference.GetProperty("schedules").EnumerateObject())
        {
            foreach (JsonProperty levels in schedule.Value.EnumerateObject())
                schedules.Add(schedule.Name, int.Parse(levels.Name));
        }

        return schedules;
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void The_noise_levels_are_those_of_A1111(string schedule, int steps)
    {
        Scheduler scheduler = Create("Euler", steps, new() { ["schedule"] = schedule });

        float[] expected = Floats(s_reference.GetProperty("schedules").GetProperty(schedule), $"{steps}");
        AssertRelative(expected, scheduler.Sigmas, schedule);
        Assert.Equal(expected[0], scheduler.InitNoiseSigma, expected[0] * 1e-5f);
    }

    [Fact]
    public void Every_schedule_has_a_reference()
    {
        Assert.Equal(s_reference.GetProperty("schedules").EnumerateObject().Select(schedule => schedule.Name).Order(), NoiseLevels.Names.Order());
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_run_gives_the_numbers_of_k_diffusion(int index, string label)
    {
        JsonElement reference = s_reference.GetProperty("cases")[index];
        Dictionary<string, object?> options = new()
        {
            ["schedule"] = Text(reference, "schedule"),
            // The reference was made without the level that A1111 leaves out.
            ["discard_next_to_last_sigma"] = false,
        };
        if (reference.TryGetProperty("options", out JsonElement given))
        {
            foreach (JsonProperty option in given.EnumerateObject())
                options[option.Name] = option.Value.GetDouble();
        }

        Sampler sampler = Create(Text(reference, "sampler")!, Number(reference, "steps"), options);
        AssertRelative(Floats(reference, "sigmas"), sampler.Sigmas, label + " sigmas");
        AssertRelative(Floats(reference, "sigma_of_each_model_call"), sampler.CallSigmas, label + " calls");

        int seed = Number(reference, "seed");
        float[] sample = new float[256];
        new TorchRandom(seed).Normal(sample);
        foreach (ref float value in sample.AsSpan())
            value *= sampler.InitNoiseSigma;

        TorchRandom independent = new(seed + 1);
        INoiseSource noise = Text(reference, "noise") == "brownian" ? sampler.CreateNoise(seed, independent) : independent;
        Assert.Equal(Text(reference, "noise") == "brownian", noise is BrownianTreeNoise);
        sampler.Begin(0, sample, noise);
        float[] scaled = new float[sample.Length];
        float[] output = new float[sample.Length];
        for (int call = 0; call < sampler.Timesteps.Count; call++)
        {
            sampler.ScaleModelInput(sample, call, scaled);
            ClosedFormModel.Run(scaled, sampler.Timesteps[call], output);
            sampler.Step(output, call, sample, noise);
        }

        float[] expected = Floats(reference, "final");
        double tolerance = 2e-4 * (1 + expected.Average(value => Math.Abs((double)value)));
        double deviation = 0;
        for (int i = 0; i < expected.Length; i++)
            deviation = Math.Max(deviation, Math.Abs((double)expected[i] - sample[i]));
        TestContext.Current.TestOutputHelper?.WriteLine($"{label}: largest deviation {deviation / tolerance:P1} of the tolerance");
        Assert.True(deviation <= tolerance, $"{label}: the final sample is off by {deviation}; tolerance {tolerance}.");
    }

    private static Sampler Create(string name, int steps, Dictionary<string, object?> options) =>
        Assert.IsType<Sampler>(SchedulerCatalog.Create(SchedulerCatalog.Find("A1111 " + name), s_empty, steps, options), exactMatch: false);

    private static void AssertRelative(float[] expected, IReadOnlyList<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-5 * expected[i], $"{what} {i}: expected {expected[i]:R}, got {actual[i]:R}.");
    }

    private static string? Text(JsonElement reference, string name) => reference.GetProperty(name).GetString();

    private static int Number(JsonElement reference, string name) => reference.GetProperty(name).GetInt32();

    private static float[] Floats(JsonElement reference, string name) =>
        [.. reference.GetProperty(name).EnumerateArray().Select(value => value.GetSingle())];
}
