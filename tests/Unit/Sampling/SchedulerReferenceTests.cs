using System.Text.Json;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Sampling;

/// <summary>Runs every scheduler on the closed-form model of schedulers.json and compares with diffusers' numbers.</summary>
public sealed class SchedulerReferenceTests
{
    private static readonly JsonElement s_reference = JsonDocument.Parse(File.ReadAllBytes(Repository.Data("schedulers.json"))).RootElement;

    public static TheoryData<int, string> Cases()
    {
        TheoryData<int, string> cases = [];
        int index = 0;
        foreach (JsonElement reference in s_reference.GetProperty("cases").EnumerateArray())
            cases.Add(index++, $"{reference.GetProperty("scheduler")} {reference.GetProperty("steps")} {reference.GetProperty("config")}");
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_model_that_is_published_with_the_options_gives_the_numbers_of_diffusers(int index, string label)
    {
        JsonElement reference = s_reference.GetProperty("cases")[index];
        Dictionary<string, object?> keys = Base();
        foreach ((string name, object? value) in Values(reference.GetProperty("config")))
            keys[name] = value;
        keys["_class_name"] = reference.GetProperty("scheduler").GetString();

        SchedulerConfig config = SchedulerConfig.Parse(JsonSerializer.Serialize(keys));
        SchedulerInfo info = SchedulerCatalog.Default(config);
        Assert.Equal(reference.GetProperty("scheduler").GetString(), info.ClassName);
        Check(reference, SchedulerCatalog.Create(info, config, Steps(reference), RunOptions(reference)), label);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_caller_that_gives_the_options_gets_the_numbers_of_diffusers(int index, string label)
    {
        JsonElement reference = s_reference.GetProperty("cases")[index];
        Dictionary<string, object?> options = RunOptions(reference);
        foreach ((string name, object? value) in Values(reference.GetProperty("config")))
            options[name] = value;

        SchedulerInfo info = SchedulerCatalog.Find(reference.GetProperty("scheduler").GetString()!);
        SchedulerConfig empty = SchedulerConfig.Parse("{}");
        Check(reference, SchedulerCatalog.Create(info, empty, Steps(reference), options), label);
    }

    private static void Check(JsonElement reference, Scheduler scheduler, string label)
    {
        int steps = Steps(reference);
        Assert.Equal(steps, scheduler.Steps);

        // Below one timestep, where only interpolated ones come, the reference itself is float32's rounding of 0.
        AssertRelative(Floats(reference, "timesteps"), scheduler.Timesteps, label + " timesteps", least: 1);
        if (reference.TryGetProperty("sigmas", out _))
            AssertRelative(Floats(reference, "sigmas"), scheduler.Sigmas, label + " sigmas");
        AssertRelative([reference.GetProperty("init_noise_sigma").GetSingle()], [scheduler.InitNoiseSigma], label + " init_noise_sigma");

        int seed = reference.GetProperty("seed").GetInt32();
        float[] sample = new float[256];
        new TorchRandom(seed).Normal(sample);
        int first = 0;
        if (reference.TryGetProperty("strength", out JsonElement strength))
        {
            first = scheduler.FirstCall(strength.GetDouble());
            Assert.Equal(reference.GetProperty("begin_call").GetInt32(), first);
            float[] original = new float[sample.Length];
            for (int i = 0; i < original.Length; i++)
                original[i] = (float)(0.5 * Math.Cos(0.11 * i));
            scheduler.AddNoise(original, sample, first, original);
            original.CopyTo(sample, 0);
            AssertClose(Floats(reference, "start"), sample, label + " start");
        }
        else
        {
            foreach (ref float value in sample.AsSpan())
                value *= scheduler.InitNoiseSigma;
        }

        TorchRandom noise = new(seed + 1);
        float[] means = Floats(reference, "mean_abs_after_each_call");
        Assert.Equal(scheduler.Timesteps.Count - first, means.Length);
        float[] scaled = new float[sample.Length];
        float[] output = new float[sample.Length];
        for (int call = first; call < scheduler.Timesteps.Count; call++)
        {
            scheduler.ScaleModelInput(sample, call, scaled);
            ClosedFormModel.Run(scaled, scheduler.Timesteps[call], output);
            scheduler.Step(output, call, sample, noise);
            double mean = MeanMagnitude(sample);
            double expected = means[call - first];
            Assert.True(Math.Abs(mean - expected) <= 2e-4 * (1 + expected), $"{label}: after call {call} the mean magnitude is {mean}, not {expected}.");
        }

        AssertClose(Floats(reference, "final"), sample, label + " final");
    }

    private static void AssertRelative(IReadOnlyList<float> expected, IReadOnlyList<float> actual, string what, double least = 0)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            double deviation = Math.Abs(expected[i] - actual[i]);
            Assert.True(deviation <= 1e-5 * Math.Max(Math.Abs(expected[i]), least), $"{what} {i}: expected {expected[i]:R}, got {actual[i]:R}.");
        }
    }

    private static void AssertClose(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double tolerance = 2e-4 * (1 + MeanMagnitude(expected));
        for (int i = 0; i < expected.Length; i++)
        {
            double deviation = Math.Abs(expected[i] - actual[i]);
            Assert.True(deviation <= tolerance, $"{what} {i}: expected {expected[i]:R}, got {actual[i]:R}; tolerance {tolerance}.");
        }
    }

    private static double MeanMagnitude(float[] values) => values.Average(value => Math.Abs((double)value));

    private static int Steps(JsonElement reference) => reference.GetProperty("steps").GetInt32();

    private static Dictionary<string, object?> Base() => Values(s_reference.GetProperty("base"));

    private static Dictionary<string, object?> RunOptions(JsonElement reference)
    {
        Dictionary<string, object?> options = reference.TryGetProperty("step_options", out JsonElement given) ? Values(given) : [];
        foreach (string name in (string[])["timesteps", "sigmas"])
        {
            if (reference.TryGetProperty("custom_" + name, out _))
                options[name] = Floats(reference, "custom_" + name);
        }

        return options;
    }

    private static Dictionary<string, object?> Values(JsonElement element) => element.EnumerateObject().ToDictionary(
        property => property.Name,
        property => (object?)(property.Value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number => property.Value.GetDouble(),
            _ => property.Value.GetString(),
        }));

    private static float[] Floats(JsonElement reference, string name) =>
        [.. reference.GetProperty(name).EnumerateArray().Select(value => value.GetSingle())];
}
