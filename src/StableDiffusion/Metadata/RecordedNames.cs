using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Metadata;

/// <summary>
/// Reduces the paths in an image's settings to names. Anyone can write a path into an image, and whoever makes that image
/// again must not open the file.
/// </summary>
internal static class RecordedNames
{
    /// <summary>Removes the folders from all models, adapters and images.</summary>
    /// <param name="info">The settings.</param>
    /// <returns>The settings, without any path.</returns>
    public static GenerationInfo Only(GenerationInfo info) => info with
    {
        Model = info.Model is null ? null : NameOrPath.WithoutFolder(info.Model),
        Refiner = info.Refiner is null ? null : NameOrPath.WithoutFolder(info.Refiner),
        Vae = info.Vae is null ? null : NameOrPath.WithoutFolder(info.Vae),
        Hires = info.Hires?.HiresUpscaler is string upscaler ? info.Hires with { HiresUpscaler = NameOrPath.WithoutFolder(upscaler) } : info.Hires,
        Detail = info.Detail?.Detailer is string detector ? info.Detail with { Detailer = NameOrPath.WithoutFolder(detector) } : info.Detail,
        Lora = Each(info.Lora, LoraName),
        TextualInversion = Each(info.TextualInversion, NameOrPath.WithoutFolder),
        ControlNets = info.ControlNets is null ? null : [.. info.ControlNets.Where(static net => net is not null).Select(NameOf)],
        Stages = info.Stages is null ? null : Only(info.Stages),
    };

    /// <summary>Removes the control images from settings that were read from a file.</summary>
    /// <param name="info">The settings, with names only.</param>
    /// <param name="warnings">Receives a warning for each control image.</param>
    public static GenerationInfo WithoutImages(GenerationInfo info, ICollection<string> warnings)
    {
        foreach (ControlNetInfo net in info.ControlNets ?? [])
        {
            if (net.Image is not null)
                warnings.Add($"The control image of the ControlNet '{ModelFilePath.Printable(net.Name)}' was '{ModelFilePath.Printable(net.Image)}'. It is not opened because a file names it: give that image to make this one again.");
        }

        return info with { ControlNets = info.ControlNets is null ? null : [.. info.ControlNets.Select(static net => net with { Image = null })] };
    }

    private static ControlNetInfo NameOf(ControlNetInfo net) => net with
    {
        Name = NameOrPath.WithoutFolder(net.Name),
        Image = net.Image is null ? null : NameOrPath.WithoutFolder(net.Image),
    };

    /// <summary>Removes the folders from all models, adapters and images of stages.</summary>
    /// <param name="stages">The stages.</param>
    public static StageList Only(StageList stages) => new(stages.Select(Only));

    private static GenerationStage Only(GenerationStage stage) => new()
    {
        Operation = stage.Operation,
        Settings = new OrderedDictionary<string, object>(stage.Settings.Select(static setting => KeyValuePair.Create(setting.Key, NameOf(setting.Key, setting.Value))), StringComparer.Ordinal),
        Inputs = new OrderedDictionary<string, IReadOnlyList<StageList>>(
            stage.Inputs.Select(static input => KeyValuePair.Create(input.Key, (IReadOnlyList<StageList>)[.. input.Value.Select(Only)])), StringComparer.Ordinal),
        Output = stage.Output,
        Made = stage.Made,
    };

    private static object NameOf(string setting, object value) => (setting, value) switch
    {
        (nameof(GenerationInfo.Lora), string list) => Each(list, LoraName) ?? string.Empty,
        (nameof(GenerationInfo.TextualInversion), string list) => Each(list, NameOrPath.WithoutFolder) ?? string.Empty,
        (nameof(GenerationInfo.Lora) or nameof(GenerationInfo.TextualInversion) or nameof(GenerationInfo.Model) or nameof(GenerationInfo.Vae) or "ControlNet" or "Upscaler" or "Path", string[] names) => Array.ConvertAll(names, NameOrPath.WithoutFolder),
        (nameof(GenerationInfo.Model) or nameof(GenerationInfo.Vae) or "ControlNet" or "Upscaler" or "Path", string name) => NameOrPath.WithoutFolder(name),
        _ => value,
    };

    private static string? Each(string? list, Func<string, string> reduce) =>
        TextList.Read(list) is string?[] texts ? TextList.Write([.. texts.OfType<string>().Select(reduce)]) : null;

    /// <summary>Removes the folders and the ending from a LoRA's path, so that a file has one name, wherever it was found.</summary>
    /// <param name="text">The LoRA with its strengths, as <see cref="LoraText"/> describes.</param>
    public static string LoraName(string text)
    {
        (string name, _, _) = LoraText.Split(text);
        string file = NameOrPath.WithoutFolder(name);
        return (TensorFile.HasKnownEnding(file) ? Path.GetFileNameWithoutExtension(file) : file) + text.Trim()[name.Length..];
    }
}
