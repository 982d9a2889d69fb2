using System.Text.Json;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Sampling.KDiffusion;

namespace StableDiffusion.Tests.Sampling.KDiffusion;

/// <summary>A run of k-diffusion with A1111's noise levels, from kdiffusion.json or kdiffusion-options.json.</summary>
internal sealed class SamplerReferenceCase : ReferenceCase
{
    private const string Epsilon = "epsilon";

    private static readonly JsonElement s_file = Load("kdiffusion.json");

    private static readonly SchedulerConfig s_empty = SchedulerConfig.Parse("{}");

    private readonly string _schedule;

    private SamplerReferenceCase(JsonElement reference)
        : base(reference)
    {
        _schedule = reference.GetProperty("schedule").GetString()!;
        Noise = reference.GetProperty("noise").GetString();
        Prediction = reference.TryGetProperty("prediction_type", out JsonElement prediction) ? prediction.GetString()! : Epsilon;
        Info = Find(reference.GetProperty("sampler").GetString()!);

        List<string> options = [$"schedule={_schedule}"];
        if (Prediction != Epsilon)
            options.Add($"prediction_type={Prediction}");
        options.AddRange(Pairs("options"));
        if (Noise is not null)
            options.Add($"noise={Noise}");
        Options = string.Join(", ", options);
    }

    /// <summary>What the numbers were made with.</summary>
    public static string Source { get; } = s_file.GetProperty("source").GetString()!;

    public static IReadOnlyList<SamplerReferenceCase> All { get; } =
        [.. ((JsonElement[])[s_file, Load("kdiffusion-options.json")]).SelectMany(file => file.GetProperty("cases").EnumerateArray()).Select(reference => new SamplerReferenceCase(reference))];

    /// <summary>The schedules of noise levels, each with the numbers of steps that it was computed for.</summary>
    public static IReadOnlyList<(string Name, int Steps)> Schedules { get; } =
        [.. s_file.GetProperty("schedules").EnumerateObject().SelectMany(schedule => schedule.Value.EnumerateObject().Select(levels => (schedule.Name, int.Parse(levels.Name))))];

    public override SchedulerInfo Info { get; }

    public override string Options { get; }

    /// <summary>Where the case's noise comes from: <c>brownian</c>, <c>independent</c>, or null for none.</summary>
    public string? Noise { get; }

    private string Prediction { get; }

    /// <summary>Compares the noise levels of a run with a schedule, and the one that it starts at.</summary>
    public static IReadOnlyList<Deviation> MeasureSchedule(string name, int steps)
    {
        Scheduler scheduler = SchedulerCatalog.Create(Find("Euler"), s_empty, steps, new Dictionary<string, object?> { ["schedule"] = name });
        float[] levels = Floats(s_file.GetProperty("schedules").GetProperty(name), $"{steps}");
        return [Deviation.OfLevels("sigmas", levels, scheduler.Sigmas), Deviation.OfLevels("init_noise_sigma", [levels[0]], [scheduler.InitNoiseSigma])];
    }

    public override IEnumerable<IReadOnlyList<Deviation>> Measure() => [Run(Create())];

    /// <summary>The sampler with the case's options.</summary>
    public Sampler Create()
    {
        Dictionary<string, object?> options = new()
        {
            ["schedule"] = _schedule,
            ["prediction_type"] = Prediction,

            // kdiffusion.json was made without leaving out the level that A1111 leaves out.
            ["discard_next_to_last_sigma"] = false,
        };
        foreach ((string name, object? value) in Settings("options"))
            options[name] = value;

        return (Sampler)SchedulerCatalog.Create(Info, s_empty, Steps, options);
    }

    /// <summary>The source of the case's noise; one that is of no use to it where it draws none.</summary>
    public INoiseSource CreateNoise(Sampler sampler)
    {
        TorchRandom independent = new(Seed + 1);
        return Noise == "independent" ? independent : sampler.CreateNoise(Seed, independent);
    }

    /// <summary>Makes the run with a sampler at its start.</summary>
    public IReadOnlyList<Deviation> Run(Sampler sampler)
    {
        int first = Strength is double strength ? sampler.FirstCall(strength) : 0;
        float[] sample = FirstSample(sampler, first);
        INoiseSource noise = CreateNoise(sampler);
        sampler.Begin(first, sample, noise);
        float[] scaled = new float[sample.Length];
        float[] output = new float[sample.Length];
        for (int call = first; call < sampler.Timesteps.Count; call++)
        {
            sampler.ScaleModelInput(sample, call, scaled);
            ClosedFormModel.Run(scaled, sampler.Timesteps[call], output);
            sampler.Step(output, call, sample, noise);
        }

        return
        [
            Deviation.OfLevels("sigmas", Floats(Reference, "sigmas"), sampler.Sigmas),
            Deviation.OfLevels("sigmas of the calls", Floats(Reference, "sigma_of_each_model_call"), [.. sampler.CallSigmas.Skip(first)]),
            Deviation.OfSample("final", Floats(Reference, "final"), sample),
        ];
    }

    private static SchedulerInfo Find(string sampler) => SchedulerCatalog.Find("A1111 " + sampler);
}
