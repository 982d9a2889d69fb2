using System.Collections.ObjectModel;
using StableDiffusion.Storage;

namespace StableDiffusion.Sampling;

/// <summary>All that determines a scheduler at the start of its run, without the model and the entry of the catalog that it came from.</summary>
/// <param name="ClassName">The class of diffusers, or the function of k-diffusion; see <see cref="SchedulerInfo.ClassName"/>.</param>
/// <param name="Steps">The requested number of steps.</param>
/// <param name="Options">The options that differ from the class's defaults, as JSON; null if there are none.</param>
internal sealed record SchedulerRecipe(string ClassName, int Steps, string? Options = null)
{
    /// <summary>Whether an entry of the catalog, or diffusers' class itself, is recorded for a scheduler of this recipe.</summary>
    /// <param name="name">The recorded name of the scheduler; may be null.</param>
    public bool IsNamed(string? name) => name is not null && SchedulerCatalog.TryFind(name, out SchedulerInfo? info) && info.ClassName == ClassName;

    /// <summary>Creates the scheduler.</summary>
    /// <returns>The scheduler, at the start of its run.</returns>
    /// <exception cref="SchedulerNotFoundException">There is no such class.</exception>
    /// <exception cref="InvalidSettingException">The steps are out of range, or an option is unknown or not valid.</exception>
    public Scheduler Create()
    {
        SchedulerInfo info = SchedulerCatalog.All.FirstOrDefault(info => info.ClassName == ClassName)
            ?? throw new SchedulerNotFoundException($"There is no scheduler of the class '{ModelFilePath.Printable(ClassName)}'.") { Remedy = Remedy.ListSchedulers };
        Dictionary<string, object?>? options = SchedulerOptionText.Read(Options);
        if (Options is not null && options is null)
            throw new InvalidSettingException("SchedulerOption", $"The options of the scheduler {info.Name} are not a JSON object of options.");
        return SchedulerCatalog.Create(info with { Presets = ReadOnlyDictionary<string, object?>.Empty }, SchedulerConfig.Empty, Steps, options);
    }
}
