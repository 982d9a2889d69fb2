using System.Collections.ObjectModel;

namespace StableDiffusion.Sampling;

/// <summary>One entry of <see cref="SchedulerCatalog"/>: a scheduler under the name that people know, with what sets it apart.</summary>
public sealed record SchedulerInfo
{
    internal SchedulerInfo(string name, string className, IReadOnlyList<SchedulerOption> options, Func<SchedulerSettings, int, Scheduler> factory)
    {
        Name = name;
        ClassName = className;
        Options = options;
        Factory = factory;
    }

    /// <summary>The name that people know, such as <c>DPM++ 2M Karras</c>.</summary>
    public string Name { get; internal init; }

    /// <summary>
    /// The diffusers class that the scheduler is, such as <c>DPMSolverMultistepScheduler</c>, or the function of
    /// k-diffusion, such as <c>sample_dpmpp_2m</c>.
    /// </summary>
    public string ClassName { get; }

    /// <summary>Other names for it: diffusers' class, and the spellings of other tools.</summary>
    public IReadOnlyList<string> Aliases { get; internal init; } = [];

    /// <summary>How many model calls a step takes.</summary>
    public int Order { get; internal init; } = 1;

    /// <summary>Whether it draws noise while it runs, if no option says otherwise.</summary>
    public bool IsStochastic { get; internal init; }

    /// <summary>The paper it comes from: title and arXiv number.</summary>
    public string Paper { get; internal init; } = "";

    /// <summary>The options that make this entry out of its class.</summary>
    public IReadOnlyDictionary<string, object?> Presets { get; internal init; } = ReadOnlyDictionary<string, object?>.Empty;

    /// <summary>All options that it takes.</summary>
    public IReadOnlyList<SchedulerOption> Options { get; }

    /// <summary>Makes the scheduler out of settled options and a number of steps.</summary>
    internal Func<SchedulerSettings, int, Scheduler> Factory { get; }

    /// <summary>The entry in words.</summary>
    /// <returns>The name.</returns>
    public override string ToString() => Name;
}
