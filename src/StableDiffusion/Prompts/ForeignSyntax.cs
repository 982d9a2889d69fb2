using System.Text.RegularExpressions;

namespace StableDiffusion.Prompts;

/// <summary>The kinds of prompt syntax in other tools.</summary>
internal enum ForeignSyntaxKind
{
    /// <summary>A weight, such as <c>(red:1.4)</c> or <c>((red))</c>.</summary>
    Weight,

    /// <summary>A tag that names a file, such as <c>&lt;lora:style:1&gt;</c>.</summary>
    ExtraNetwork,

    /// <summary>A change during the steps, such as <c>[tree:house:0.5]</c>.</summary>
    Schedule,

    /// <summary>The keyword <c>BREAK</c>, which starts a new chunk of tokens.</summary>
    Break,

    /// <summary>The keyword <c>AND</c>, which joins prompts.</summary>
    And,

    /// <summary>A part that varies, such as <c>{red|blue}</c> or <c>__animal__</c>.</summary>
    Template,
}

/// <summary>A part of a plain prompt that A1111 or ComfyUI would interpret. Only parts that are hardly meant as text are found.</summary>
/// <param name="Kind">The kind of syntax.</param>
/// <param name="Text">The part.</param>
internal sealed partial record ForeignSyntax(ForeignSyntaxKind Kind, string Text)
{
    /// <summary>How these tools interpret it, in words without a full stop.</summary>
    public string Reading => Kind switch
    {
        ForeignSyntaxKind.Weight => "A1111 and ComfyUI read it as the weight of a word",
        ForeignSyntaxKind.ExtraNetwork => "A1111 reads it as the name of a file that changes the model",
        ForeignSyntaxKind.Schedule => "A1111 reads it as a change of the prompt between steps",
        ForeignSyntaxKind.Break => "A1111 starts a new chunk of the prompt there",
        ForeignSyntaxKind.Template => "Dynamic Prompts draws a value for it",
        _ => "A1111 reads it as the sum of two prompts",
    };

    /// <summary>Finds such parts in a prompt.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <returns>The first part of each kind.</returns>
    public static IReadOnlyList<ForeignSyntax> Find(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        List<ForeignSyntax> findings = [];
        Add(ForeignSyntaxKind.Weight, Weight());
        Add(ForeignSyntaxKind.ExtraNetwork, ExtraNetwork());
        Add(ForeignSyntaxKind.Schedule, Schedule());
        Add(ForeignSyntaxKind.Template, Template());

        // In a prompt written in capitals, these are ordinary words.
        if (prompt.Any(char.IsLower))
        {
            Add(ForeignSyntaxKind.Break, Break());
            Add(ForeignSyntaxKind.And, And());
        }

        return findings;

        void Add(ForeignSyntaxKind kind, Regex pattern)
        {
            if (pattern.Match(prompt) is { Success: true } match)
                findings.Add(new ForeignSyntax(kind, match.Value.Trim()));
        }
    }

    // The numbers are atomic groups, so that a long one is not tried again at each of its digits.
    // Not a ratio (16:9) or a time (at 7:05): after a digit, the colon must be followed by a fraction.
    [GeneratedRegex(@"\((?:[^()]*[^()\d\s]\s*:\s*[+-]?(?>\d+\.?\d*|\.\d+)|[^()]+:\s*[+-]?\d*\.\d+)\s*\)|\(\([^()]+\)\)", RegexOptions.CultureInvariant)]
    private static partial Regex Weight();

    [GeneratedRegex(@"<(?:lora|lyco|hypernet):[^<>]+>", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex ExtraNetwork();

    [GeneratedRegex(@"\[(?:[^\[\]:]*:[^\[\]:]*:\s*(?>\d+\.?\d*|\.\d+)|[^\[\]]*[^\[\]\d\s]\s*:\s*(?>\d+\.?\d*|\.\d+))\s*\]", RegexOptions.CultureInvariant)]
    private static partial Regex Schedule();

    [GeneratedRegex(@"\{[^{}]*\|[^{}]*\}|__[\w/*-]+__", RegexOptions.CultureInvariant)]
    private static partial Regex Template();

    [GeneratedRegex(@"\bBREAK\b", RegexOptions.CultureInvariant)]
    private static partial Regex Break();

    [GeneratedRegex(@"\sAND\s", RegexOptions.CultureInvariant)]
    private static partial Regex And();
}
