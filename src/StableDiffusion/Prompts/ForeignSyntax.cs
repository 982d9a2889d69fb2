using System.Text.RegularExpressions;

namespace StableDiffusion.Prompts;

/// <summary>What in a prompt other tools do not take for text.</summary>
public enum ForeignSyntaxKind
{
    /// <summary>A weight, such as <c>(red:1.4)</c> or <c>((red))</c>.</summary>
    Weight,

    /// <summary>A tag that asks for a file, such as <c>&lt;lora:style:1&gt;</c>.</summary>
    ExtraNetwork,

    /// <summary>A change on the way, such as <c>[tree:house:0.5]</c>.</summary>
    Schedule,

    /// <summary>The word <c>BREAK</c>, which begins a new stretch of tokens.</summary>
    Break,

    /// <summary>The word <c>AND</c>, which sums prompts.</summary>
    And,
}

/// <summary>A part of a plain prompt that A1111 or ComfyUI would read otherwise. Only what can hardly be meant as text counts.</summary>
/// <param name="Kind">What it is there.</param>
/// <param name="Text">The part.</param>
public sealed partial record ForeignSyntax(ForeignSyntaxKind Kind, string Text)
{
    /// <summary>Who reads it as what, in words without a full stop.</summary>
    public string Reading => Kind switch
    {
        ForeignSyntaxKind.Weight => "A1111 and ComfyUI read it as the weight of a word",
        ForeignSyntaxKind.ExtraNetwork => "A1111 reads it as a wish for a file that changes the model",
        ForeignSyntaxKind.Schedule => "A1111 reads it as a change of the prompt on the way",
        ForeignSyntaxKind.Break => "A1111 begins a new part of the prompt there",
        _ => "A1111 reads it as the sum of two prompts",
    };

    /// <summary>Finds such parts.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <returns>The first part of each kind.</returns>
    public static IReadOnlyList<ForeignSyntax> Find(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        List<ForeignSyntax> findings = [];
        Add(ForeignSyntaxKind.Weight, Weight());
        Add(ForeignSyntaxKind.ExtraNetwork, ExtraNetwork());
        Add(ForeignSyntaxKind.Schedule, Schedule());

        // In a prompt that shouts, these are words like any other.
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

    // Not the proportion (16:9) nor the time (at 7:05): a digit before the colon needs a fraction behind it.
    [GeneratedRegex(@"\((?:[^()]*[^()\d\s]\s*:\s*[+-]?(?:\d+\.?\d*|\.\d+)|[^()]+:\s*[+-]?\d*\.\d+)\s*\)|\(\([^()]+\)\)", RegexOptions.CultureInvariant)]
    private static partial Regex Weight();

    [GeneratedRegex(@"<(?:lora|lyco|hypernet):[^<>]+>", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex ExtraNetwork();

    [GeneratedRegex(@"\[(?:[^\[\]:]*:[^\[\]:]*:\s*(?:\d+\.?\d*|\.\d+)|[^\[\]]*[^\[\]\d\s]\s*:\s*(?:\d+\.?\d*|\.\d+))\s*\]", RegexOptions.CultureInvariant)]
    private static partial Regex Schedule();

    [GeneratedRegex(@"\bBREAK\b", RegexOptions.CultureInvariant)]
    private static partial Regex Break();

    [GeneratedRegex(@"\sAND\s", RegexOptions.CultureInvariant)]
    private static partial Regex And();
}
