using System.Collections.ObjectModel;

namespace StableDiffusion.Sampling;

/// <summary>An entry of <see cref="SchedulerCatalog"/>: a scheduler under a common name.</summary>
public sealed record SchedulerInfo
{
    internal SchedulerInfo(string name, string className, IReadOnlyList<SchedulerOption> options, Func<SchedulerSettings, int, Scheduler> factory)
    {
        Name = name;
        ClassName = className;
        Options = options;
        Factory = factory;
    }

    /// <summary>The common name, such as <c>DPM++ 2M Karras</c>.</summary>
    public string Name { get; internal init; }

    /// <summary>
    /// The class of diffusers, such as <c>DPMSolverMultistepScheduler</c>, or the function of k-diffusion, such as
    /// <c>sample_dpmpp_2m</c>.
    /// </summary>
    public string ClassName { get; }

    /// <summary>Its other names: diffusers' class, and the spellings of other tools.</summary>
    public IReadOnlyList<string> Aliases { get; internal init; } = [];

    /// <summary>The number of model calls per step.</summary>
    public int Order { get; internal init; } = 1;

    /// <summary>Whether it adds noise during the run, unless an option says otherwise.</summary>
    public bool IsStochastic { get; internal init; }

    /// <summary>The paper that introduced it: title and arXiv number.</summary>
    public string Paper { get; internal init; } = "";

    /// <summary>The options that distinguish this entry from others of its class.</summary>
    public IReadOnlyDictionary<string, object?> Presets { get; internal init; } = ReadOnlyDictionary<string, object?>.Empty;

    /// <summary>All options that it accepts.</summary>
    public IReadOnlyList<SchedulerOption> Options { get; }

    /// <summary>Creates the scheduler from resolved options and a number of steps.</summary>
    internal Func<SchedulerSettings, int, Scheduler> Factory { get; }

    /// <summary>The entry as text.</summary>
    /// <returns>The name.</returns>
    public override string ToString() => Name;
}
