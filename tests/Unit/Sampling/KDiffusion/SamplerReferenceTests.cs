using System.Text.Json;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Sampling.KDiffusion;

namespace StableDiffusion.Tests.Sampling.KDiffusion;

/// <summary>Runs k-diffusion's samplers on the closed-form model and compares with its own numbers.</summary>
public sealed class SamplerReferenceTests
{
    private static readonly Dictionary<string, JsonElement> s_files = ((string[])["kdiffusion.json", "kdiffusion-options.json"])
        .ToDictionary(file => file, file => JsonDocument.Parse(File.ReadAllBytes(Repository.Data(file))).RootElement);

    private static readonly JsonElement s_schedules = s_files["kdiffusion.json"].GetProperty("schedules");

    private static readonly SchedulerConfig s_empty = SchedulerConfig.Parse("{}");

    public static TheoryData<string, int, string> Cases()
    {
        TheoryData<string, int, string> cases = [];
        foreach ((string file, JsonElement root) in s_files)
        {
            int index = 0;
            foreach (JsonElement reference in root.GetProperty("cases").EnumerateArray())
            {
                string options = reference.TryGetProperty("options", out JsonElement given) ? given.ToString() : "";
                cases.Add(file, index++, $"{Text(reference, "sampler")} {Text(reference, "schedule")} {Number(reference, "steps")} {Text(reference, "noise")} {options}");
            }
        }

        return cases;
    }

    public static TheoryData<string, int> Schedules()
    {
        TheoryData<string, int> schedules = [];
        foreach (JsonProperty schedule in s_schedules.EnumerateObject())
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

        float[] expected = Floats(s_schedules.GetProperty(schedule), $"{steps}");
        AssertRelative(expected, scheduler.Sigmas, schedule);
        Assert.Equal(expected[0], scheduler.InitNoiseSigma, expected[0] * 1e-5f);
    }

    [Fact]
    public void Every_schedule_has_a_reference()
    {
        Assert.Equal(s_schedules.EnumerateObject().Select(schedule => schedule.Name).Order(), NoiseLevels.Names.Order());
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_run_gives_the_numbers_of_k_diffusion(string file, int index, string label)
    {
        JsonElement reference = s_files[file].GetProperty("cases")[index];
        Sampler sampler = Create(reference);
        AssertRelative(Floats(reference, "sigmas"), sampler.Sigmas, label + " sigmas");

        float[] sample = new float[256];
        int seed = Number(reference, "seed");
        new TorchRandom(seed).Normal(sample);
        int first = 0;
        if (reference.TryGetProperty("strength", out JsonElement strength))
        {
            first = sampler.FirstCall(strength.GetDouble());
            float[] original = new float[sample.Length];
            for (int i = 0; i < original.Length; i++)
                original[i] = (float)(0.5 * Math.Cos(0.11 * i));
            sampler.AddNoise(original, sample, first, original);
            original.CopyTo(sample, 0);
        }
        else
        {
            foreach (ref float value in sample.AsSpan())
                value *= sampler.InitNoiseSigma;
        }

        AssertRelative(Floats(reference, "sigma_of_each_model_call"), [.. sampler.CallSigmas.Skip(first)], label + " calls");
        TorchRandom independent = new(seed + 1);
        INoiseSource noise = Text(reference, "noise") == "independent" ? independent : sampler.CreateNoise(seed, independent);
        if (Text(reference, "noise") == "brownian")
            Assert.IsType<BrownianTreeNoise>(noise);
        sampler.Begin(first, sample, noise);
        float[] scaled = new float[sample.Length];
        float[] output = new float[sample.Length];
        for (int call = first; call < sampler.Timesteps.Count; call++)
        {
            sampler.ScaleModelInput(sample, call, scaled);
            ClosedFormModel.Run(scaled, sampler.Timesteps[call], output);
            sampler.Step(output, call, sample, noise);
        }

        float[] expected = Floats(reference, "final");
        double tolerance = 2e-4 * (1 + expected.Average(value => Math.Abs((double)value)));
        double deviation = expected.Zip(sample, (wanted, got) => Math.Abs((double)wanted - got)).Max();
        TestContext.Current.TestOutputHelper?.WriteLine($"{label}: largest deviation {deviation / tolerance:P1} of the tolerance");
        Assert.True(deviation <= tolerance, $"{label}: the final sample is off by {deviation}; tolerance {tolerance}.");
    }

    private static Sampler Create(JsonElement reference)
    {
        Dictionary<string, object?> options = new()
        {
            ["schedule"] = Text(reference, "schedule"),

            // kdiffusion.json was made without leaving out the level that A1111 leaves out.
            ["discard_next_to_last_sigma"] = false,
        };
        if (reference.TryGetProperty("prediction_type", out JsonElement prediction))
            options["prediction_type"] = prediction.GetString();
        if (reference.TryGetProperty("options", out JsonElement given))
        {
            foreach (JsonProperty option in given.EnumerateObject())
                options[option.Name] = option.Value.ValueKind == JsonValueKind.Number ? option.Value.GetDouble() : option.Value.GetBoolean();
        }

        return Create(Text(reference, "sampler")!, Number(reference, "steps"), options);
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
