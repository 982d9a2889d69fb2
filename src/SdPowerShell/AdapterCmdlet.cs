using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion.Models.Adapters;
using StableDiffusion.Pipelines;
using StableDiffusion.Text;
using StableDiffusion.Text.Prompts;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that read prompts or what was made of them: the adapters of the model, and how prompts are encoded.</summary>
public abstract class AdapterCmdlet : ModelCmdlet
{
    /// <summary>LoRAs to change the model by, each a name or a path with its strength: style, style:0.8, or style:0.8:0.5 for U-Net and text encoder.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(LoraCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    [Text]
    public string?[]? Lora { get; set; }

    /// <summary>Encodes a prompt and warns of what of it could not be honoured.</summary>
    private protected TextEmbedding EncodePrompt(DiffusionPipeline pipeline, string prompt, PromptOptions options)
    {
        TextEmbedding embedding = Timed("Text encoder", () => pipeline.EncodePrompt(prompt, options, CancellationToken));
        if (embedding.LostText.Length > 0)
            WriteWarning($"The prompt is longer than the {embedding.TokenIds.Count} tokens that the text encoder takes in. Left out: '{embedding.LostText}'. With -PromptSyntax A1111 a prompt may be of any length.");
        foreach (string warning in embedding.Warnings)
            WriteWarning(warning);
        return embedding;
    }

    /// <summary>The settings of how prompts are read, as the engine takes them.</summary>
    private protected PromptOptions CreatePromptOptions(string? syntax, string? emphasis, int? clipSkip, string?[]? textualInversion) => new()
    {
        TextualInversions = ReadTextualInversions(textualInversion),
        Syntax = EnumSetting.Parse("PromptSyntax", syntax, PromptSyntax.Plain),
        Emphasis = EnumSetting.Parse("Emphasis", emphasis, EmphasisMode.Original),
        ClipSkip = clipSkip ?? 1,
    };

    /// <summary>The LoRAs that a parameter and a prompt's tags ask for. The parameter counts where both name a file.</summary>
    /// <param name="parameter">The parameter's texts; empty ones count as left out.</param>
    /// <param name="prompt">The prompt; null where it is not looked at.</param>
    /// <param name="syntax">The prompt's syntax: only A1111's has tags.</param>
    private protected AdapterSet CreateAdapters(IEnumerable<string?>? parameter, string? prompt = null, PromptSyntax syntax = PromptSyntax.Plain)
    {
        List<Lora> loras = [.. Given(parameter).Select(text => StableDiffusion.Models.Adapters.Lora.Parse(text, name => ResolveAdapter(name, AdapterFiles.FindLora)))];
        HashSet<string> given = [.. loras.Select(lora => lora.Path)];
        if (syntax == PromptSyntax.A1111 && prompt is not null)
        {
            loras.AddRange(ExtraNetworks.Find(prompt)
                .Where(tag => tag.IsLora)
                .Select(tag => new Lora(AdapterFiles.FindLora(tag.Name), tag.UNetStrength, tag.TextEncoderStrength))
                .Where(lora => !given.Contains(lora.Path)));
        }

        return AdapterSet.Create(loras);
    }

    /// <summary>Reads the embeddings that a parameter names.</summary>
    private IReadOnlyList<TextualInversion> ReadTextualInversions(IEnumerable<string?>? parameter) =>
        [.. Given(parameter).Select(name => TextualInversion.Load(ResolveAdapter(name, AdapterFiles.FindEmbedding)))];

    private static IEnumerable<string> Given(IEnumerable<string?>? texts) => (texts ?? []).Where(text => !string.IsNullOrWhiteSpace(text)).Select(text => text!.Trim());

    /// <summary>The full path of an adapter: a path, a file of the current location, or a name in the store.</summary>
    private string ResolveAdapter(string name, Func<string, string> find)
    {
        bool isName = name.AsSpan().IndexOfAny('/', '\\') < 0;
        string? path = null;
        try
        {
            path = ResolveOutput(name);
        }
        catch (RecordException) when (isName)
        {
            // No path of the file system, but it may be a name.
        }

        return !isName || File.Exists(path) ? find(path!) : find(name);
    }
}
