using System.Text.Json;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Sampling;

/// <summary>A run of diffusers, from schedulers.json.</summary>
internal sealed class SchedulerReferenceCase : ReferenceCase
{
    private static readonly JsonElement s_file = Load("schedulers.json");

    private SchedulerReferenceCase(JsonElement reference)
        : base(reference)
    {
        ClassName = reference.GetProperty("scheduler").GetString()!;
        FirstCall = Strength is null ? 0 : reference.GetProperty("begin_call").GetInt32();

        Dictionary<string, object?> keys = Values(s_file.GetProperty("base"));
        foreach ((string name, object? value) in Settings("config"))
            keys[name] = value;
        keys["_class_name"] = ClassName;
        ModelConfig = SchedulerConfig.Parse(JsonSerializer.Serialize(keys));
        Info = SchedulerCatalog.Default(ModelConfig);

        Options = string.Join(
            ", ",
            [
                .. RunOptions().Where(option => option.Value is float[]).Select(option => $"{option.Key}={((float[])option.Value!).Length} of the caller's"),
                .. Pairs("config", "step_options"),
            ]);
    }

    /// <summary>What the numbers were made with.</summary>
    public static string Source { get; } = s_file.GetProperty("source").GetString()!;

    public static IReadOnlyList<SchedulerReferenceCase> All { get; } = [.. s_file.GetProperty("cases").EnumerateArray().Select(reference => new SchedulerReferenceCase(reference))];

    /// <summary>The scheduler's class in diffusers.</summary>
    public string ClassName { get; }

    /// <summary>The call at which the run starts.</summary>
    public int FirstCall { get; }

    /// <summary>The config of a model that is published with the case's options.</summary>
    public SchedulerConfig ModelConfig { get; }

    public override SchedulerInfo Info { get; }

    public override string Options { get; }

    public override IEnumerable<IReadOnlyList<Deviation>> Measure() => [Run(CreateByModel()), Run(CreateByOptions())];

    /// <summary>The scheduler with the options that the model was published with.</summary>
    public Scheduler CreateByModel() => SchedulerCatalog.Create(Info, ModelConfig, Steps, RunOptions());

    /// <summary>The scheduler with the options that the caller gives.</summary>
    public Scheduler CreateByOptions()
    {
        Dictionary<string, object?> options = RunOptions();
        foreach ((string name, object? value) in Settings("config"))
            options[name] = value;
        return SchedulerCatalog.Create(SchedulerCatalog.Find(ClassName), SchedulerConfig.Parse("{}"), Steps, options);
    }

    /// <summary>Makes the run with a scheduler at its start.</summary>
    public IReadOnlyList<Deviation> Run(Scheduler scheduler)
    {
        // Below one timestep, where only interpolated ones come, the reference itself is float32's rounding of 0.
        List<Deviation> deviations = [Deviation.OfLevels("timesteps", Floats(Reference, "timesteps"), scheduler.Timesteps, least: 1)];
        if (Reference.TryGetProperty("sigmas", out _))
            deviations.Add(Deviation.OfLevels("sigmas", Floats(Reference, "sigmas"), scheduler.Sigmas));
        deviations.Add(Deviation.OfLevels("init_noise_sigma", [Reference.GetProperty("init_noise_sigma").GetSingle()], [scheduler.InitNoiseSigma]));

        float[] sample = FirstSample(scheduler, FirstCall);
        if (Strength is not null)
            deviations.Add(Deviation.OfSample("start", Floats(Reference, "start"), sample));

        TorchRandom noise = new(Seed + 1);
        List<float> means = [];
        float[] scaled = new float[sample.Length];
        float[] output = new float[sample.Length];
        for (int call = FirstCall; call < scheduler.Timesteps.Count; call++)
        {
            scheduler.ScaleModelInput(sample, call, scaled);
            ClosedFormModel.Run(scaled, scheduler.Timesteps[call], output);
            scheduler.Step(output, call, sample, noise);
            means.Add((float)Deviation.MeanMagnitude(sample));
        }

        deviations.Add(Deviation.OfMeans("mean magnitudes after each call", Floats(Reference, "mean_abs_after_each_call"), means));
        deviations.Add(Deviation.OfSample("final", Floats(Reference, "final"), sample));
        return deviations;
    }

    private Dictionary<string, object?> RunOptions()
    {
        Dictionary<string, object?> options = Settings("step_options");
        foreach (string name in (string[])["timesteps", "sigmas"])
        {
            if (Reference.TryGetProperty("custom_" + name, out _))
                options[name] = Floats(Reference, "custom_" + name);
        }

        return options;
    }
}
