using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion;
using StableDiffusion.Adapters;
using StableDiffusion.Library;
using StableDiffusion.Prompts;
using StableDiffusion.Text;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that read prompts or what was made of them: the adapters of the model, and how prompts are encoded.</summary>
public abstract class AdapterCmdlet : RecordCmdlet
{
    private readonly HashSet<ForeignSyntaxKind> _toldSyntaxes = [];

    private int _passedOver;

    /// <summary>LoRAs to change the model by, each a name or a path with its strength: style, style:0.8, or style:0.8:0.5 for U-Net and text encoder.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(LoraCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    [Text]
    [List]
    public string?[]? Lora { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        base.EndProcessing();
        if (_passedOver > 0)
            WriteVerbose($"Passed over {_passedOver} blank lines and comments.");
    }

    /// <summary>Works on each prompt of a record. Blank lines and comments among the lines of prompts are passed over.</summary>
    /// <param name="prompts">The prompts; null counts as one.</param>
    /// <param name="file">The file that the record names to write to; may be null.</param>
    /// <param name="work">The work.</param>
    private protected void ForEachPrompt(string?[]? prompts, string? file, Action<string?> work)
    {
        string?[] all = prompts ?? [null];
        for (int i = 0; i < all.Length; i++)
        {
            string? prompt = all[i];
            if (TakesAsLine(Input) && IsBlankOrComment(prompt) && !Strict)
            {
                _passedOver++;
                continue;
            }

            Subject = Input?.Describe(prompt, file) ?? (all.Length > 1 ? InputRecord.DescribeItem("Prompt", i, prompt, file) : null);
            ProcessOne(prompt, () =>
            {
                if (TakesAsLine(Input) && IsComment(prompt))
                    throw new InvalidSettingException("Prompt", "The line is a comment. Leave it out, or leave out Strict, which makes comments errors.");
                work(prompt);
            });
        }
    }

    /// <summary>Whether a record is a line of prompts, in which blank ones and comments are passed over.</summary>
    /// <param name="record">The record; may be null.</param>
    private protected virtual bool TakesAsLine(InputRecord? record) => record is { IsText: true };

    /// <summary>Warns of what of a prompt was not used.</summary>
    /// <param name="embedding">The prompt's embedding.</param>
    /// <param name="isSyntaxGiven">Whether the user said which syntax it is in.</param>
    private protected void WarnOf(TextEmbedding embedding, bool isSyntaxGiven)
    {
        if (embedding.LostText.Length > 0)
            Warn($"The prompt is longer than the {embedding.TokenIds.Count} tokens that the text encoder takes in. Left out: '{embedding.LostText}'. With -PromptSyntax A1111 a prompt may be of any length.");
        foreach (string warning in embedding.Warnings)
            Warn(warning);
        if (!isSyntaxGiven)
            WarnOfForeignSyntax(embedding.Prompt);
    }

    /// <summary>The LoRAs that a parameter and a prompt's tags ask for. The parameter counts where both name a file.</summary>
    /// <param name="parameter">The parameter's texts; empty ones count as left out.</param>
    /// <param name="prompt">The prompt; null where it is not looked at.</param>
    /// <param name="syntax">The prompt's syntax: only A1111's has tags.</param>
    private protected AdapterSet CreateAdapters(IEnumerable<string?>? parameter, string? prompt = null, PromptSyntax syntax = PromptSyntax.Plain)
    {
        ModelLibrary library = ModelLibrary.Default;
        List<Lora> loras = [.. Given(parameter).Select(text => StableDiffusion.Adapters.Lora.Parse(text, name => ResolveAdapter(name, library.FindLora)))];
        HashSet<string> given = [.. loras.Select(lora => lora.Path)];
        if (syntax == PromptSyntax.A1111 && prompt is not null)
        {
            loras.AddRange(ExtraNetworks.Find(prompt)
                .Where(tag => tag.IsLora)
                .Select(tag => library.FindLora(tag.Name) with { Strength = tag.UNetStrength, TextEncoderStrength = tag.TextEncoderStrength })
                .Where(lora => !given.Contains(lora.Path)));
        }

        return AdapterSet.Create(loras);
    }

    /// <summary>Says, once for each kind, what of a plain prompt another tool would not take for text.</summary>
    private void WarnOfForeignSyntax(string prompt)
    {
        foreach (ForeignSyntax finding in ForeignSyntax.Find(prompt).Where(finding => _toldSyntaxes.Add(finding.Kind)))
            Warn($"'{finding.Text}' is taken as text. {finding.Reading}: give -PromptSyntax A1111 to have it so, or Plain if text is meant.");
    }

    private static bool IsBlankOrComment(string? line) => string.IsNullOrWhiteSpace(line) || IsComment(line);

    private static bool IsComment(string? line) => line?.TrimStart().StartsWith('#') == true && !line.Trim().Contains('\n', StringComparison.Ordinal);

    /// <summary>Reads the embeddings that a parameter names.</summary>
    /// <param name="parameter">The names or paths; empty ones count as left out.</param>
    private protected IReadOnlyList<TextualInversion> ReadTextualInversions(IEnumerable<string?>? parameter) =>
        [.. Given(parameter).Select(name => ResolveAdapter(name, ModelLibrary.Default.LoadEmbedding))];

    private static IEnumerable<string> Given(IEnumerable<string?>? texts) => (texts ?? []).Where(text => !string.IsNullOrWhiteSpace(text)).Select(text => text!.Trim());

    /// <summary>Finds an adapter by a path, a file of the current location, or a name in the store.</summary>
    private T ResolveAdapter<T>(string name, Func<string, T> find)
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
