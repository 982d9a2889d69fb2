using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Metadata;

/// <summary>
/// Reduces the paths in an image's settings to names. Anyone can write a path into an image, and whoever makes that image
/// again must not open the file.
/// </summary>
internal static class RecordedNames
{
    /// <summary>Removes the folders from all models and adapters, and the control images, which have no names.</summary>
    /// <param name="info">The settings that were read from a file.</param>
    /// <param name="warnings">Receives a warning for each control image.</param>
    /// <returns>The settings, without any path.</returns>
    public static GenerationInfo Only(GenerationInfo info, ICollection<string> warnings) => info with
    {
        Model = info.Model is null ? null : NameOrPath.WithoutFolder(info.Model),
        Lora = Each(info.Lora, LoraName),
        TextualInversion = Each(info.TextualInversion, NameOrPath.WithoutFolder),
        ControlNets = info.ControlNets is null ? null : [.. info.ControlNets.Where(static net => net is not null).Select(net => NameOf(net, warnings))],
    };

    private static ControlNetInfo NameOf(ControlNetInfo net, ICollection<string> warnings)
    {
        string name = NameOrPath.WithoutFolder(net.Name);
        if (net.Image is not null)
            warnings.Add($"The control image of the ControlNet '{ModelFilePath.Printable(name)}' was '{ModelFilePath.Printable(NameOrPath.WithoutFolder(net.Image))}'. It is not opened because a file names it: give that image to make this one again.");
        return net with { Name = name, Image = null };
    }

    private static string? Each(string? list, Func<string, string> reduce) =>
        TextList.Read(list) is string?[] texts ? TextList.Write([.. texts.OfType<string>().Select(reduce)]) : null;

    /// <summary>Removes the folders from a LoRA's path.</summary>
    /// <param name="text">The LoRA with its strengths, as <see cref="LoraText"/> describes.</param>
    public static string LoraName(string text)
    {
        (string name, _) = LoraText.Split(text);
        return NameOrPath.WithoutFolder(name) + text.Trim()[name.Length..];
    }
}
