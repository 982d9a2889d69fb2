using System.Text.Json;
using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Sampling;

/// <summary>The rows of a schedule, against the reference numbers of diffusers and k-diffusion; and the noise level of each call, against the formulas.</summary>
public sealed class ScheduleStepTests
{
    private const double LevelTolerance = 1e-4;

    private static readonly SchedulerConfig s_empty = SchedulerConfig.Parse("{}");

    public static TheoryData<int, string> Cases()
    {
        TheoryData<int, string> cases = [];
        foreach (SchedulerReferenceCase reference in SchedulerReferenceCase.All)
            cases.Add(cases.Count, $"{reference.ClassName} {reference.Steps} {reference.Options}");
        return cases;
    }

    public static TheoryData<string, int> Schedules()
    {
        TheoryData<string, int> cases = [];
        foreach (JsonProperty schedule in Load("kdiffusion.json").GetProperty("schedules").EnumerateObject())
        {
            foreach (JsonProperty levels in schedule.Value.EnumerateObject())
                cases.Add(schedule.Name, int.Parse(levels.Name));
        }

        return cases;
    }

    public static TheoryData<string> Names => [.. SchedulerCatalog.All.Select(static scheduler => scheduler.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Timesteps_and_levels_are_those_of_diffusers(int index, string label)
    {
        SchedulerReferenceCase reference = SchedulerReferenceCase.All[index];
        JsonElement numbers = Load("schedulers.json").GetProperty("cases")[index];
        float[] timesteps = Floats(numbers, "timesteps");
        Scheduler scheduler = reference.CreateByModel();
        IReadOnlyList<ScheduleStep> steps = ScheduleStep.Of(scheduler, label, reference.FirstCall);

        Assert.Equal(timesteps.Length - reference.FirstCall, steps.Sum(static step => step.Calls));
        Assert.All(timesteps.Skip(reference.FirstCall).Zip(steps.SelectMany(static step => step.Timesteps)), pair => Assert.Equal(pair.First, pair.Second, LevelTolerance * Math.Max(1, pair.First)));
        Assert.Equal(scheduler.CountSteps(timesteps.Length), steps[^1].Step);
        Assert.Equal(steps.Select(static step => step.SigmaNext).SkipLast(1), steps.Select(static step => step.Sigma).Skip(1));

        // For DPM2 and Heun, the list of the reference has other levels between those of the steps.
        if (scheduler.Order == 1 && numbers.TryGetProperty("sigmas", out _))
        {
            float[] sigmas = [.. Floats(numbers, "sigmas").Skip(reference.FirstCall)];
            Assert.All(sigmas.Zip([.. steps.Select(static step => step.Sigma), steps[^1].SigmaNext]), pair => Assert.Equal(pair.First, pair.Second, LevelTolerance * Math.Max(1e-2, pair.First)));
        }
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void Levels_are_those_of_A1111(string schedule, int count)
    {
        float[] levels = Floats(Load("kdiffusion.json").GetProperty("schedules").GetProperty(schedule), $"{count}");
        Dictionary<string, object?> options = new() { ["schedule"] = schedule, ["discard_next_to_last_sigma"] = false };
        IReadOnlyList<ScheduleStep> steps = ScheduleStep.Of(SchedulerCatalog.Create(SchedulerCatalog.Find("A1111 Euler"), s_empty, count, options), "A1111 Euler", firstCall: 0);
        Assert.Equal(levels.Length, steps.Count + 1);
        Assert.All(levels.Zip([.. steps.Select(static step => step.Sigma), steps[^1].SigmaNext]), pair => Assert.Equal(pair.First, pair.Second, LevelTolerance * Math.Max(1e-2, pair.First)));
    }

    // The training of Stable Diffusion: betas whose roots are spaced evenly.
    [Fact]
    public void Alphas_are_the_products_of_the_training()
    {
        double[] alphas = Alphas();
        Dictionary<string, object?> options = new() { ["beta_schedule"] = "scaled_linear", ["beta_start"] = 0.00085, ["beta_end"] = 0.012, ["set_alpha_to_one"] = false };
        IReadOnlyList<ScheduleStep> steps = ScheduleStep.Of(SchedulerCatalog.Create(SchedulerCatalog.Find("DDIM"), s_empty, 25, options), "DDIM", firstCall: 0);
        Assert.Equal(25, steps.Count);
        Assert.All(steps, step =>
        {
            double alpha = alphas[(int)step.Timestep];
            Assert.Equal(alpha, step.AlphaCumprod, 1e-5);
            Assert.Equal(1, step.SignalToNoise / (alpha / (1 - alpha)), 1e-4);
            Assert.Equal(Math.Log(alpha / (1 - alpha)), step.LogSignalToNoise, 1e-4);
            Assert.Equal(Math.Sqrt((1 - alpha) / alpha), step.Sigma, 1e-4 * step.Sigma);
        });
        Assert.Equal(Math.Sqrt((1 - alphas[0]) / alphas[0]), steps[^1].SigmaNext, 1e-5);
    }

    [Fact]
    public void The_last_step_of_Heun_takes_one_call()
    {
        IReadOnlyList<ScheduleStep> steps = ScheduleStep.Of(SchedulerCatalog.Create(SchedulerCatalog.Find("Heun"), s_empty, 4), "Heun", firstCall: 0);
        Assert.Equal([2, 2, 2, 1], steps.Select(static step => step.Calls));
        Assert.Equal([1, 2, 3, 4], steps.Select(static step => step.Step));
        Assert.Equal(0, steps[^1].SigmaNext);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_call_means_the_clean_sample_and_the_noise_that_the_sample_was_made_of(string name)
    {
        SchedulerInfo info = SchedulerCatalog.Find(name);
        foreach (PredictionType type in Enum.GetValues<PredictionType>())
        {
            if (Create(info, type) is not Scheduler scheduler)
                continue;
            for (int call = 0; call < scheduler.Timesteps.Count; call++)
            {
                CallLevel level = scheduler.LevelAt(call);
                const double Clean = 0.7, Noise = -1.3;
                double sample = (level.CleanScale * Clean) + (level.NoiseScale * Noise);

                // What a perfect model says, from the share of the clean sample in the variance.
                double alpha = level.CleanScale == 0 ? 0 : 1 / (1 + (level.Sigma * level.Sigma));
                double output = type switch
                {
                    PredictionType.Epsilon => Noise,
                    PredictionType.Sample => Clean,
                    PredictionType.Velocity => (Math.Sqrt(alpha) * Noise) - (Math.Sqrt(1 - alpha) * Clean),
                    _ => Noise - Clean,
                };
                Assert.Equal(Clean, (level.Clean.Sample * sample) + (level.Clean.Output * output), 1e-5);
                Assert.Equal(Noise, (level.Noise.Sample * sample) + (level.Noise.Output * output), 1e-5);
            }
        }
    }

    private static Scheduler? Create(SchedulerInfo info, PredictionType type)
    {
        SchedulerOption? option = info.Options.FirstOrDefault(static option => option.Name == PredictionTypes.OptionName);
        if (option is null)
            return type == PredictionType.Flow ? SchedulerCatalog.Create(info, s_empty, 8) : null;
        if (!option.AllowedValues.Contains(PredictionTypes.NameOf(type)))
            return null;
        Dictionary<string, object?> options = new() { [PredictionTypes.OptionName] = PredictionTypes.NameOf(type) };
        if (type == PredictionType.Flow)
        {
            if (!info.Options.Any(static option => option.Name == "use_flow_sigmas") || info.Presets.Any(static preset => preset.Key is not "use_flow_sigmas" && preset.Key.StartsWith("use_", StringComparison.Ordinal) && preset.Value is true))
                return null;
            options["use_flow_sigmas"] = true;
        }

        return SchedulerCatalog.Create(info, s_empty, 8, options);
    }

    private static double[] Alphas()
    {
        double product = 1;
        return [.. Enumerable.Range(0, 1000).Select(timestep =>
        {
            double root = Math.Sqrt(0.00085) + (timestep * (Math.Sqrt(0.012) - Math.Sqrt(0.00085)) / 999);
            return product *= 1 - (root * root);
        })];
    }

    private static JsonElement Load(string file) => JsonDocument.Parse(File.ReadAllText(Repository.Data(file))).RootElement;

    private static float[] Floats(JsonElement parent, string name) => [.. parent.GetProperty(name).EnumerateArray().Select(static number => number.GetSingle())];
}
