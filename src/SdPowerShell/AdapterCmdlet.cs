using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion;
using StableDiffusion.Adapters;
using StableDiffusion.Prompts;
using StableDiffusion.Text;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that take prompts or their embeddings: the adapters of the model, and how prompts are encoded.</summary>
public abstract class AdapterCmdlet : RecordCmdlet
{
    private readonly HashSet<ForeignSyntaxKind> _toldSyntaxes = [];

    private int _passedOver;

    /// <summary>The LoRAs to apply, each a name or a path with its strength: style, style:0.8, or style:0.8:0.5 for U-Net and text encoder.</summary>
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
            WriteVerbose($"Skipped blank lines and comments: {_passedOver}.");
    }

    /// <summary>Processes each prompt of a record. Blank lines and comments are skipped.</summary>
    /// <param name="prompts">The prompts; null counts as one.</param>
    /// <param name="file">The output file of the record; may be null.</param>
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
                    throw new InvalidSettingException("Prompt", "The line is a comment. Remove it, or omit Strict, which makes comments errors.");
                work(prompt);
            });
        }
    }

    /// <summary>Whether a record is a line, which is skipped when it is blank or a comment.</summary>
    /// <param name="record">The record; may be null.</param>
    private protected virtual bool TakesAsLine(InputRecord? record) => record is { IsText: true };

    /// <summary>Warns of the parts of a prompt that were not used.</summary>
    /// <param name="embedding">The prompt's embedding.</param>
    /// <param name="isSyntaxGiven">Whether the user chose the syntax.</param>
    private protected void WarnOf(TextEmbedding embedding, bool isSyntaxGiven)
    {
        if (embedding.LostText.Length > 0)
            Warn($"The prompt is longer than the {embedding.TokenIds.Count} tokens that the text encoder reads. Left out: '{embedding.LostText}'. With -PromptSyntax A1111 a prompt may be of any length.");
        foreach (string warning in embedding.Warnings)
            Warn(warning);
        if (!isSyntaxGiven)
            WarnOfForeignSyntax(embedding.Prompt);
    }

    /// <summary>The LoRAs of a parameter and of a prompt's tags. Where both name a file, the parameter takes precedence.</summary>
    /// <param name="parameter">The parameter's values; empty ones are ignored.</param>
    /// <param name="prompt">The prompt; null if it is not read for tags.</param>
    /// <param name="syntax">The prompt's syntax; only A1111's has tags.</param>
    private protected AdapterSet CreateAdapters(IEnumerable<string?>? parameter, string? prompt = null, PromptSyntax syntax = PromptSyntax.Plain)
    {
        List<Lora> loras = [.. Given(parameter).Select(text => StableDiffusion.Adapters.Lora.Parse(text, name => ResolveAdapter(name, AdapterFiles.FindLora)))];
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

    /// <summary>Warns, once for each kind, of text in a plain prompt that is syntax in other tools.</summary>
    private void WarnOfForeignSyntax(string prompt)
    {
        foreach (ForeignSyntax finding in ForeignSyntax.Find(prompt).Where(finding => _toldSyntaxes.Add(finding.Kind)))
            Warn($"'{finding.Text}' is read as text. {finding.Reading}: use -PromptSyntax A1111 for that, or Plain if you mean the text.");
    }

    private static bool IsBlankOrComment(string? line) => string.IsNullOrWhiteSpace(line) || IsComment(line);

    private static bool IsComment(string? line) => line?.TrimStart().StartsWith('#') == true && !line.Trim().Contains('\n', StringComparison.Ordinal);

    /// <summary>Reads the embeddings named by a parameter.</summary>
    /// <param name="parameter">The names or paths; empty ones are ignored.</param>
    private protected IReadOnlyList<TextualInversion> ReadTextualInversions(IEnumerable<string?>? parameter) =>
        [.. Given(parameter).Select(name => TextualInversionFile.Load(ResolveAdapter(name, AdapterFiles.FindEmbedding)))];

    private static IEnumerable<string> Given(IEnumerable<string?>? texts) => (texts ?? []).Where(text => !string.IsNullOrWhiteSpace(text)).Select(text => text!.Trim());

    /// <summary>The full path of an adapter that is given as a path, a file in the current location, or a name in the store.</summary>
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
            // Not a path of the file system, but it may be a name.
        }

        return !isName || File.Exists(path) ? find(path!) : find(name);
    }
}
