using StableDiffusion;
using StableDiffusion.Library;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Upscaling;

namespace SdPowerShell.Scripts;

/// <summary>The models, adapters, ControlNets, VAEs and upscalers that a script names. Anyone can write a name into an image, so it must not be read as a path.</summary>
internal sealed class ScriptNames
{
    /// <summary>The setting with the ControlNets of a stage.</summary>
    public const string ControlNet = "ControlNet";

    /// <summary>The setting with the upscaler of a stage.</summary>
    public const string Upscaler = nameof(UpscaleOptions.Upscaler);

    private readonly ModelLibrary _library = ModelLibrary.Default;
    private readonly List<string> _missing = [];

    /// <summary>What was named and is not on this computer, in words.</summary>
    public IEnumerable<string> Missing => _missing.Distinct();

    /// <summary>Whether a command takes its names for names alone.</summary>
    public bool HasSwitch { get; private set; }

    /// <summary>Checks the names of a command.</summary>
    /// <param name="settings">The stages whose settings the command gets, and the names of these settings.</param>
    /// <returns>The switch by which the command takes them for names alone; empty if none is named, or one is a path of the user.</returns>
    /// <exception cref="NotRepeatableException">A setting is not a name.</exception>
    public string Switch(params IEnumerable<(GenerationStage Stage, string Setting)> settings)
    {
        bool hasName = false, hasPath = false;
        foreach ((GenerationStage stage, string setting) in settings)
        {
            foreach (string name in NamesOf(stage, setting))
            {
                bool isPath = Path.IsPathFullyQualified(name);
                hasPath |= isPath;
                hasName |= !isPath;
                if (!isPath)
                    Check(setting, name);
            }
        }

        bool isOnlyNames = hasName && !hasPath;
        HasSwitch |= isOnlyNames;
        return isOnlyNames ? $" -{nameof(ModelCmdlet.NamesOnly)}" : string.Empty;
    }

    /// <summary>Whether a text can be the name of a file in a folder, and nothing else that PowerShell or the system reads in it.</summary>
    /// <param name="name">The text.</param>
    public static bool IsName(string name) => !string.IsNullOrWhiteSpace(name) && name is not ("." or ".." or "~") && name.AsSpan().IndexOfAny("/\\:\0") < 0;

    private static IEnumerable<string> NamesOf(GenerationStage stage, string setting) => (setting, stage.Settings.GetValueOrDefault(setting)) switch
    {
        (_, null) => [],
        (Upscaler, string name) when ImageUpscaling.FilterOf(name) is not null => [],
        (nameof(GenerationInfo.Model) or nameof(GenerationInfo.Vae) or Upscaler, string name) => [name],
        (nameof(GenerationInfo.Lora), string list) => Texts(list).Select(static text => LoraText.Split(text).Name),
        (nameof(GenerationInfo.TextualInversion), string list) => Texts(list),
        (ControlNet, string[] names) => names,
        _ => throw new NotRepeatableException($"The record does not name {setting} as a version of this module does. It is damaged."),
    };

    private static string[] Texts(string list) => TextList.Read(list) is string[] texts && Array.TrueForAll(texts, static text => text is not null) ? texts : [];

    private void Check(string setting, string name)
    {
        // A semicolon separates the items of a parameter.
        if (!IsName(name) || setting is not (nameof(GenerationInfo.Model) or nameof(GenerationInfo.Vae) or Upscaler) && name.Contains(';'))
            throw new NotRepeatableException($"{setting} is '{PrintableText.Of(name)}' in the record, which is not a name.");
        if (!IsThere(setting, name))
            _missing.Add($"{KindOf(setting)} '{PrintableText.Of(name)}'");
    }

    private bool IsThere(string setting, string name) => setting switch
    {
        nameof(GenerationInfo.Model) => _library.Models.Contains(name),
        nameof(GenerationInfo.Lora) => _library.Loras.Contains(name),
        nameof(GenerationInfo.TextualInversion) => _library.Embeddings.Contains(name),
        nameof(GenerationInfo.Vae) => _library.Vaes.Contains(name),
        Upscaler => _library.Upscalers.Contains(name),
        _ => _library.ControlNets.Contains(name),
    };

    private static string KindOf(string setting) => setting switch
    {
        nameof(GenerationInfo.Model) => "the model",
        nameof(GenerationInfo.Lora) => "the LoRA",
        nameof(GenerationInfo.TextualInversion) => "the embedding",
        nameof(GenerationInfo.Vae) => "the VAE",
        Upscaler => "the upscaler",
        _ => "the ControlNet",
    };
}
