using System.Text.RegularExpressions;

namespace StableDiffusion.Hub;

/// <summary>A repository of a hub at a revision.</summary>
/// <param name="Id">The repository, as <c>owner/name</c>.</param>
/// <param name="Revision">A branch, a tag or a commit.</param>
internal sealed partial record HubRepository(string Id, string Revision)
{
    public const string DefaultRevision = "main";

    private const int MaxRevisionLength = 255;

    /// <summary>The name without its owner.</summary>
    public string Name => Id[(Id.IndexOf('/', StringComparison.Ordinal) + 1)..];

    /// <summary>Parses a name as users write it.</summary>
    /// <param name="text"><c>owner/name</c>, with or without <c>@revision</c>.</param>
    /// <param name="revision">The revision, if given separately.</param>
    /// <returns>The repository.</returns>
    /// <exception cref="InvalidSettingException">The text is not such a name, or two different revisions are given.</exception>
    public static HubRepository Parse(string text, string? revision)
    {
        ArgumentNullException.ThrowIfNull(text);
        int at = text.IndexOf('@', StringComparison.Ordinal);
        string id = at < 0 ? text : text[..at];
        if (!IdPattern().IsMatch(id) || id.Contains("--", StringComparison.Ordinal) || id.Contains("..", StringComparison.Ordinal))
            throw new InvalidSettingException("Id", $"'{text}' is not the name of a repository. Give its owner and its name, such as owner/name or owner/name@revision.");
        if (at >= 0 && revision is not null && text[(at + 1)..] != revision)
            throw new InvalidSettingException("Revision", $"'{text}' names another revision than '{revision}'. Give one of the two.");

        string wanted = at < 0 ? revision ?? DefaultRevision : text[(at + 1)..];
        if (wanted.Length is 0 or > MaxRevisionLength || wanted.Any(static letter => char.IsControl(letter) || char.IsWhiteSpace(letter)) || wanted.Split('/').Any(static part => part is "" or "." or ".."))
            throw new InvalidSettingException("Revision", $"'{wanted}' is not a revision of '{id}'. Give a branch, a tag or a commit.");
        return new HubRepository(id, wanted);
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}\z", RegexOptions.CultureInvariant)]
    private static partial Regex IdPattern();
}
