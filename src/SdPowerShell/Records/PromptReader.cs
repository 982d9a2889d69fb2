using System.Globalization;
using StableDiffusion;
using StableDiffusion.Prompts;
using StableDiffusion.Text;

namespace SdPowerShell.Records;

/// <summary>Works on the prompts of records one by one, and warns of what of them is not used.</summary>
/// <param name="cmdlet">The cmdlet that takes the prompts.</param>
/// <param name="takesAsLine">Whether a record, which may be null, is a line of prompts, in which blank ones and comments are passed over.</param>
internal sealed class PromptReader(RecordCmdlet cmdlet, Func<InputRecord?, bool> takesAsLine)
{
    private const int LongestLost = 500;

    private readonly HashSet<ForeignSyntaxKind> _toldSyntaxes = [];

    private int _passedOver;

    /// <summary>Writes to the verbose stream how many lines were passed over.</summary>
    public void ReportPassedOver()
    {
        if (_passedOver > 0)
            cmdlet.WriteVerbose($"Skipped blank lines and comments: {_passedOver}.");
    }

    /// <summary>Processes each prompt of a record. Blank lines and comments are skipped.</summary>
    /// <param name="prompts">The prompts; null counts as one.</param>
    /// <param name="file">The output file of the record; may be null.</param>
    /// <param name="work">The work.</param>
    public void ForEach(string?[]? prompts, string? file, Action<string?> work)
    {
        string?[] all = prompts ?? [null];
        bool isLine = takesAsLine(cmdlet.Input);
        for (int i = 0; i < all.Length; i++)
        {
            string? prompt = all[i];
            if (isLine && IsBlankOrComment(prompt) && !cmdlet.Strict)
            {
                _passedOver++;
                continue;
            }

            cmdlet.Subject = cmdlet.Input?.Describe(prompt, file) ?? (all.Length > 1 ? InputRecord.DescribeItem("Prompt", i, prompt, file) : null);
            cmdlet.ProcessOne(prompt, () =>
            {
                if (isLine && IsComment(prompt))
                    throw new InvalidSettingException("Prompt", "The line is a comment. Remove it, or omit Strict, which makes comments errors.");
                work(prompt);
            });
        }
    }

    /// <summary>Warns of the parts of a prompt that were not used.</summary>
    /// <param name="embedding">The prompt's embedding.</param>
    /// <param name="isSyntaxGiven">Whether the user chose the syntax.</param>
    public void WarnOf(TextEmbedding embedding, bool isSyntaxGiven)
    {
        WarnOf(cmdlet, embedding, " With -PromptSyntax A1111 a prompt may be of any length.");
        if (!isSyntaxGiven)
            WarnOfForeignSyntax(embedding.Prompt);
    }

    /// <summary>Warns of the parts of a prompt that were not used, whose syntax cannot be chosen.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="embedding">The prompt's embedding.</param>
    /// <param name="advice">What to do about a prompt that is too long; empty if there is nothing.</param>
    public static void WarnOf(DiffusionCmdlet cmdlet, TextEmbedding embedding, string advice = "")
    {
        if (embedding.LostText.Length > 0)
            cmdlet.Warn($"The prompt is longer than the {embedding.TokenIds.Count} tokens that the text encoder reads. Left out: {DescribeLost(embedding.LostText)}.{advice}");
        foreach (string warning in embedding.Warnings)
            cmdlet.Warn(warning);
    }

    /// <summary>Warns, once for each kind, of text in a plain prompt that is syntax in other tools.</summary>
    private void WarnOfForeignSyntax(string prompt)
    {
        foreach (ForeignSyntax finding in ForeignSyntax.Find(prompt).Where(finding => _toldSyntaxes.Add(finding.Kind)))
        {
            (string meant, string text) = finding.Kind == ForeignSyntaxKind.Template ? ("pipe the prompt through Expand-Prompt", "use -PromptSyntax Plain") : ("use -PromptSyntax A1111", "Plain");
            cmdlet.Warn($"'{finding.Text}' is read as text. {finding.Reading}: {meant} for that, or {text} if you mean the text.");
        }
    }

    private static string DescribeLost(string text) => text.Length <= LongestLost
        ? $"'{text}'"
        : string.Create(CultureInfo.CurrentCulture, $"'{InputRecord.Shorten(text, LongestLost)}', {text.Length:N0} characters");

    internal static bool IsBlankOrComment(string? line) => string.IsNullOrWhiteSpace(line) || IsComment(line);

    private static bool IsComment(string? line) => line?.TrimStart().StartsWith('#') == true && !line.Trim().Contains('\n', StringComparison.Ordinal);
}
