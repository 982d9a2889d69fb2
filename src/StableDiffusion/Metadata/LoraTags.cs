using System.Globalization;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>LoRAs in the form that A1111 uses in prompts: <c>&lt;lora:name:strength&gt;</c>.</summary>
internal static class LoraTags
{
    /// <summary>The prompt of an image, with a tag added for each LoRA that it does not name itself.</summary>
    /// <param name="info">The settings of the image.</param>
    public static string? AddTo(GenerationInfo info)
    {
        if (TextList.Read(info.Lora) is not { Length: > 0 } loras)
            return info.Prompt;

        string prompt = info.Prompt ?? string.Empty;
        HashSet<string> named = new(StringComparer.OrdinalIgnoreCase);
        if (info.PromptSyntax == nameof(PromptSyntax.A1111))
            named.UnionWith(ExtraNetworks.Find(prompt).Where(tag => tag.IsLora).Select(tag => tag.Name));
        return string.Concat([prompt, .. loras.Select(ToTag).Where(tag => !named.Contains(tag.Name)).Select(tag => $" {tag.Text}")]);
    }

    // A1111 has the text encoder's strength first. Characters that are not valid in a tag are replaced; otherwise it could not be read back.
    private static (string Name, string Text) ToTag(string lora)
    {
        (string path, IReadOnlyList<double> strengths, string? blocks) = LoraText.Split(lora);
        string name = Safe(Path.GetFileNameWithoutExtension(path));
        (double unet, double? text) = (strengths.Count > 0 ? strengths[0] : 1, strengths.Count > 1 ? strengths[1] : null);
        string ending = blocks is null ? string.Empty : $":{ExtraNetwork.BlockWeightsKey}{Safe(blocks)}";
        return (name, text is null
            ? string.Create(CultureInfo.InvariantCulture, $"<lora:{name}:{unet}{ending}>")
            : string.Create(CultureInfo.InvariantCulture, $"<lora:{name}:{text}:{unet}{ending}>"));
    }

    private static string Safe(string text) => text.Replace(':', '_').Replace('>', '_');
}
