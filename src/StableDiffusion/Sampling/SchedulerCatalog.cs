using System.Diagnostics.CodeAnalysis;
using StableDiffusion.Sampling.KDiffusion;
using StableDiffusion.Sampling.Schedulers;
using StableDiffusion.Storage;

namespace StableDiffusion.Sampling;

/// <summary>All schedulers, under their common names.</summary>
/// <remarks>
/// Includes those of diffusers and those of k-diffusion. A plain name such as <c>DPM++ 2M Karras</c> is diffusers' if both have
/// it; <c>A1111 DPM++ 2M Karras</c> is k-diffusion's, run as A1111 runs it.
/// </remarks>
public static class SchedulerCatalog
{
    /// <summary>The largest number of steps of a run.</summary>
    internal const int MaxSteps = 1000;

    private const string KarrasPaper = "Elucidating the Design Space of Diffusion-Based Generative Models, arXiv:2206.00364";
    private const string DpmPaper = "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models, arXiv:2211.01095";

    private static readonly Dictionary<string, SchedulerInfo> s_byKey = [];

    static SchedulerCatalog()
    {
        SchedulerInfo pndm = new("PNDM", "PNDMScheduler", PndmScheduler.OptionList, (settings, steps) => new PndmScheduler(settings, steps))
        {
            Aliases = ["PNDMScheduler"],
            Paper = "Pseudo Numerical Methods for Diffusion Models on Manifolds, arXiv:2202.09778",
        };
        SchedulerInfo multistep = new("DPM++ 2M", "DPMSolverMultistepScheduler", DpmSolverMultistepScheduler.OptionList, (settings, steps) => new DpmSolverMultistepScheduler(settings, steps))
        {
            Aliases = ["DPMSolverMultistepScheduler", "k_dpmpp_2m"],
            Paper = DpmPaper,
            Presets = Preset(("algorithm_type", "dpmsolver++"), ("solver_order", 2)),
        };
        SchedulerInfo singlestep = new("DPM++ 2S", "DPMSolverSinglestepScheduler", DpmSolverSinglestepScheduler.OptionList, (settings, steps) => new DpmSolverSinglestepScheduler(settings, steps))
        {
            Aliases = ["DPMSolverSinglestepScheduler"],
            Paper = DpmPaper,
            Presets = Preset(("algorithm_type", "dpmsolver++"), ("solver_order", 2)),
        };

        List<SchedulerInfo> all =
        [
            new("DDIM", "DDIMScheduler", DdimScheduler.OptionList, (settings, steps) => new DdimScheduler(settings, steps))
            {
                Aliases = ["DDIMScheduler"],
                Paper = "Denoising Diffusion Implicit Models, arXiv:2010.02502",
            },
            new("A1111 DDIM", "ddim", A1111DdimScheduler.OptionList, (settings, steps) => new A1111DdimScheduler(settings, steps))
            {
                Paper = "Denoising Diffusion Implicit Models, arXiv:2010.02502",
            },
            new("DDPM", "DDPMScheduler", DdpmScheduler.OptionList, (settings, steps) => new DdpmScheduler(settings, steps))
            {
                Aliases = ["DDPMScheduler"],
                IsStochastic = true,
                Paper = "Denoising Diffusion Probabilistic Models, arXiv:2006.11239",
            },
            pndm,
            pndm with { Name = "PLMS", Aliases = [], Presets = Preset(("skip_prk_steps", true)) },
            .. WithSigmaSchedules(new("LMS", "LMSDiscreteScheduler", LmsScheduler.OptionList, (settings, steps) => new LmsScheduler(settings, steps))
            {
                Aliases = ["LMSDiscreteScheduler", "k_lms"],
                Paper = KarrasPaper,
            }),
            .. WithSigmaSchedules(new("Euler", "EulerDiscreteScheduler", EulerScheduler.OptionList, (settings, steps) => new EulerScheduler(settings, steps))
            {
                Aliases = ["EulerDiscreteScheduler", "k_euler"],
                Paper = KarrasPaper,
            }),
            new("Euler a", "EulerAncestralDiscreteScheduler", EulerAncestralScheduler.OptionList, (settings, steps) => new EulerAncestralScheduler(settings, steps))
            {
                Aliases = ["EulerAncestralDiscreteScheduler", "euler_ancestral", "k_euler_a", "k_euler_ancestral"],
                IsStochastic = true,
                Paper = KarrasPaper,
            },
            .. WithSigmaSchedules(new("Heun", "HeunDiscreteScheduler", HeunScheduler.OptionList, (settings, steps) => new HeunScheduler(settings, steps))
            {
                Aliases = ["HeunDiscreteScheduler", "k_heun"],
                Order = 2,
                Paper = KarrasPaper,
            }),
            .. WithSigmaSchedules(new("DPM2", "KDPM2DiscreteScheduler", Dpm2Scheduler.OptionList, (settings, steps) => Dpm2Scheduler.Create(settings, steps, isAncestral: false))
            {
                Aliases = ["KDPM2DiscreteScheduler", "k_dpm_2"],
                Order = 2,
                Paper = KarrasPaper,
            }),
            .. WithSigmaSchedules(new("DPM2 a", "KDPM2AncestralDiscreteScheduler", Dpm2Scheduler.OptionList, (settings, steps) => Dpm2Scheduler.Create(settings, steps, isAncestral: true))
            {
                Aliases = ["KDPM2AncestralDiscreteScheduler", "dpm_2_ancestral", "k_dpm_2_a", "k_dpm_2_ancestral"],
                Order = 2,
                IsStochastic = true,
                Paper = KarrasPaper,
            }),
            .. WithSigmaSchedules(multistep),
            multistep with { Name = "DPM++ 2M Lu", Aliases = [], Presets = Preset([.. Pairs(multistep), ("use_lu_lambdas", true)]) },
            .. WithSigmaSchedules(multistep with { Name = "DPM++ 2M SDE", Aliases = ["k_dpmpp_2m_sde"], IsStochastic = true, Presets = Preset(("algorithm_type", "sde-dpmsolver++"), ("solver_order", 2)) }),
            .. WithSigmaSchedules(multistep with { Name = "DPM++ 3M", Aliases = [], Presets = Preset(("algorithm_type", "dpmsolver++"), ("solver_order", 3)) }),
            .. WithSigmaSchedules(multistep with { Name = "DPM++ 3M SDE", Aliases = ["k_dpmpp_3m_sde"], IsStochastic = true, Presets = Preset(("algorithm_type", "sde-dpmsolver++"), ("solver_order", 3)) }),
            .. WithSigmaSchedules(singlestep),
            .. WithSigmaSchedules(singlestep with { Name = "DPM++ 2S SDE", Aliases = [], IsStochastic = true, Presets = Preset(("algorithm_type", "sde-dpmsolver++"), ("solver_order", 2)) }),
            .. WithSigmaSchedules(singlestep with { Name = "DPM++ 3S", Aliases = [], Presets = Preset(("algorithm_type", "dpmsolver++"), ("solver_order", 3)) }),
            .. WithSigmaSchedules(new("DEIS", "DEISMultistepScheduler", DeisScheduler.OptionList, (settings, steps) => new DeisScheduler(settings, steps))
            {
                Aliases = ["DEISMultistepScheduler"],
                Paper = "Fast Sampling of Diffusion Models with Exponential Integrator, arXiv:2204.13902",
            }),
            .. WithSigmaSchedules(new("UniPC", "UniPCMultistepScheduler", UniPcScheduler.OptionList, (settings, steps) => new UniPcScheduler(settings, steps))
            {
                Aliases = ["UniPCMultistepScheduler", "uni_pc_bh2"],
                Paper = "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models, arXiv:2302.04867",
            }),
            .. WithSigmaSchedules(new("SA-Solver", "SASolverScheduler", SaSolverScheduler.OptionList, (settings, steps) => new SaSolverScheduler(settings, steps))
            {
                Aliases = ["SASolverScheduler"],
                IsStochastic = true,
                Paper = "SA-Solver: Stochastic Adams Solver for Fast Sampling of Diffusion Models, arXiv:2309.05019",
            }),
            new("LCM", "LCMScheduler", LcmScheduler.OptionList, (settings, steps) => new LcmScheduler(settings, steps))
            {
                Aliases = ["LCMScheduler"],
                IsStochastic = true,
                Paper = "Latent Consistency Models: Synthesizing High-Resolution Images with Few-Step Inference, arXiv:2310.04378",
            },
            new("TCD", "TCDScheduler", TcdScheduler.OptionList, (settings, steps) => new TcdScheduler(settings, steps))
            {
                Aliases = ["TCDScheduler"],
                IsStochastic = true,
                Paper = "Trajectory Consistency Distillation, arXiv:2402.19159",
            },
            .. WithSigmaSchedules(new("Flow Match Euler", "FlowMatchEulerDiscreteScheduler", FlowMatchEulerScheduler.OptionList, (settings, steps) => new FlowMatchEulerScheduler(settings, steps))
            {
                Aliases = ["FlowMatchEulerDiscreteScheduler"],
                Paper = "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis, arXiv:2403.03206",
            }),
        ];

        all.AddRange(SamplerCatalog.Entries(all.Select(info => info.Name).ToHashSet()));
        All = all.AsReadOnly();
        foreach (SchedulerInfo info in all)
        {
            foreach (string name in (IEnumerable<string>)[info.Name, .. info.Aliases])
            {
                if (!s_byKey.TryAdd(Key(name), info) && s_byKey[Key(name)] != info)
                    throw new InvalidOperationException($"Two schedulers have the name '{name}'.");
            }
        }

        ConfigOptions = MergeConfigOptions(all);
    }

    /// <summary>All entries, with related ones next to each other.</summary>
    public static IReadOnlyList<SchedulerInfo> All { get; }

    /// <summary>The options that a model's configuration may set, with the words that any scheduler accepts for them.</summary>
    internal static IReadOnlyDictionary<string, SchedulerOption> ConfigOptions { get; }

    /// <summary>Finds a scheduler by any of its names. Case, spaces, '_' and '-' are ignored, and '++' may be 'pp'.</summary>
    /// <param name="name">A name, such as <c>DPM++ 2M Karras</c>, <c>dpmpp_2m_karras</c> or <c>EulerDiscreteScheduler</c>.</param>
    /// <returns>The entry.</returns>
    /// <exception cref="SchedulerNotFoundException">There is no such scheduler; the message lists the nearest names.</exception>
    public static SchedulerInfo Find(string name)
    {
        if (TryFind(name, out SchedulerInfo? info))
            return info;

        string key = Key(name);
        string[] near = [.. Nearest(key).Select(known => $"'{known}'")];
        throw new SchedulerNotFoundException(
            key.Length == 0 ? "The scheduler's name is empty. Give one such as 'DPM++ 2M Karras'."
            : near.Length == 0 ? $"There is no scheduler '{name}'. Give one such as 'Euler' or 'DPM++ 2M Karras'."
            : $"There is no scheduler '{name}'. Did you mean {Spelling.Choices(near)}?") { Remedy = Remedy.ListSchedulers };
    }

    /// <summary>Finds a scheduler by any of its names, as <see cref="Find"/> does.</summary>
    /// <param name="name">A name.</param>
    /// <param name="info">Receives the entry; null if there is none.</param>
    /// <returns>Whether it was found.</returns>
    public static bool TryFind(string name, [NotNullWhen(true)] out SchedulerInfo? info)
    {
        ArgumentNullException.ThrowIfNull(name);
        string key = Key(name);
        if (s_byKey.TryGetValue(key, out info))
            return true;

        // "DPM 2M" without its plus signs is accepted if it is unambiguous.
        List<SchedulerInfo> loose = [.. s_byKey.Where(entry => Loose(entry.Key) == key).Select(entry => entry.Value).Distinct()];
        info = loose.Count == 1 ? loose[0] : null;
        return info is not null;
    }

    /// <summary>Finds the scheduler that a model was published with.</summary>
    /// <param name="config">The model's scheduler configuration.</param>
    /// <returns>
    /// The entry of the configuration's class that agrees with it in most options; created with that configuration, it is exactly
    /// what the publisher of the model chose.
    /// </returns>
    /// <exception cref="ModelInvalidException">The configuration names no class, or an unknown one.</exception>
    internal static SchedulerInfo Default(SchedulerConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.ClassName is null)
            throw new ModelInvalidException($"The scheduler config {config.Source} has no _class_name. Name a scheduler, or add the key to scheduler_config.json.");

        SchedulerInfo? best = null;
        SchedulerInfo? any = null;
        foreach (SchedulerInfo info in All)
        {
            if (info.ClassName != config.ClassName)
                continue;

            any ??= info;
            if (info.Presets.All(preset => Equals(Effective(info, config, preset.Key), preset.Value)) && (best is null || info.Presets.Count > best.Presets.Count))
                best = info;
        }

        if (any is null)
            throw new ModelInvalidException($"The scheduler config {config.Source} names {ModelFilePath.Printable(config.ClassName)}, which is not supported. Name another scheduler.");

        return best ?? any with { Name = any.ClassName, Aliases = [], Presets = Preset() };
    }

    /// <summary>Creates a scheduler for one run.</summary>
    /// <param name="info">The entry of the scheduler.</param>
    /// <param name="modelConfig">The model's scheduler configuration, used for options that neither the entry nor the caller sets.</param>
    /// <param name="steps">The number of steps, 1 to 1000.</param>
    /// <param name="options">
    /// The options of the run, by diffusers' names; TimestepSpacing is the same as timestep_spacing. A value of null means the
    /// scheduler's default.
    /// </param>
    /// <returns>The scheduler, at the start of its run.</returns>
    /// <exception cref="InvalidSettingException">The steps are out of range, an option is unknown, or its value is not valid.</exception>
    internal static Scheduler Create(SchedulerInfo info, SchedulerConfig modelConfig, int steps, IReadOnlyDictionary<string, object?>? options = null)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(modelConfig);
        if (steps is < 1 or > MaxSteps)
            throw new InvalidSettingException("Steps", $"Steps is {steps}, but must be between 1 and {MaxSteps}.");

        SchedulerSettings settings = SchedulerSettings.Resolve(info, modelConfig, options);
        Scheduler scheduler = info.Factory(settings, steps);
        scheduler.Recipe = new SchedulerRecipe(info.ClassName, steps, settings.TextFor(info));
        return scheduler;
    }

    private static object? Effective(SchedulerInfo info, SchedulerConfig config, string name)
    {
        SchedulerOption option = info.Options.First(option => option.Name == name);
        return config.TryGetValue(name, out object? value) && option.TryParse(value, out object parsed) ? parsed : option.Default;
    }

    /// <summary>An entry, and its variants with each of the rules for noise levels.</summary>
    private static IEnumerable<SchedulerInfo> WithSigmaSchedules(SchedulerInfo info)
    {
        yield return info;
        foreach (string rule in (IEnumerable<string>)["Karras", "Exponential", "Beta"])
        {
            Dictionary<string, object?> presets = new(info.Presets, StringComparer.Ordinal);
            foreach (SchedulerOption option in SchedulerOptions.SigmaSchedules)
                presets[option.Name] = option.Name == $"use_{rule.ToLowerInvariant()}_sigmas";

            yield return info with
            {
                Name = $"{info.Name} {rule}",
                Aliases = [.. info.Aliases.Where(alias => alias != info.ClassName).Select(alias => $"{alias}_{rule.ToLowerInvariant()}")],
                Presets = presets.AsReadOnly(),
            };
        }
    }

    private static IEnumerable<(string Name, object? Value)> Pairs(SchedulerInfo info) => info.Presets.Select(preset => (preset.Key, preset.Value));

    private static IReadOnlyDictionary<string, object?> Preset(params (string Name, object? Value)[] presets) =>
        presets.ToDictionary(preset => preset.Name, preset => preset.Value, StringComparer.Ordinal).AsReadOnly();

    private static Dictionary<string, SchedulerOption> MergeConfigOptions(List<SchedulerInfo> all)
    {
        Dictionary<string, SchedulerOption> merged = new(StringComparer.Ordinal);
        foreach (SchedulerOption option in all.SelectMany(info => info.Options).Where(option => option.IsConfigurable))
        {
            merged[option.Name] = merged.TryGetValue(option.Name, out SchedulerOption? known)
                ? known with
                {
                    AllowedValues = [.. known.AllowedValues.Union(option.AllowedValues)],
                    Minimum = Math.Min(known.Minimum, option.Minimum),
                    Maximum = Math.Max(known.Maximum, option.Maximum),
                }
                : option;
        }

        return merged;
    }

    private static string Key(string name)
    {
        Span<char> key = name.Length <= 128 ? stackalloc char[name.Length] : new char[name.Length];
        int length = 0;
        foreach (char letter in name)
        {
            if (letter is not (' ' or '_' or '-'))
                key[length++] = char.ToLowerInvariant(letter);
        }

        return new string(key[..length]).Replace("++", "pp", StringComparison.Ordinal);
    }

    private static string Loose(string key) => key.Replace("dpmpp", "dpm", StringComparison.Ordinal);

    private static IEnumerable<string> Nearest(string key) => s_byKey
        .Select(entry => (entry.Value.Name, Distance: Spelling.Distance(key, entry.Key)))
        .Where(near => near.Distance <= key.Length / 2)
        .OrderBy(near => near.Distance)
        .ThenBy(near => near.Name, StringComparer.Ordinal)
        .Select(near => near.Name)
        .Distinct()
        .Take(3);
}
