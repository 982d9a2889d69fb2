using System.IO.Enumeration;
using System.Text;
using System.Text.Json;
using StableDiffusion.Storage;
using YamlDotNet.Core;

namespace StableDiffusion.Prompts.Templates;

/// <summary>A value of a list of wildcards.</summary>
/// <param name="Text">The value, which may be a template.</param>
/// <param name="Weight">How often it is drawn, relative to the others; 0 or more.</param>
internal sealed record WildcardValue(string Text, double Weight = 1);

/// <summary>
/// The lists of wildcards in folders, as Dynamic Prompts reads them: <c>.txt</c> (a value per line), and <c>.yaml</c> and
/// <c>.json</c>, whose keys are parts of the name. Files are read when they are needed. Source: docs/SYNTAX.md of sd-dynamic-prompts.
/// </summary>
/// <param name="folders">The folders; those that do not exist have no lists.</param>
public sealed class Wildcards(IReadOnlyList<string> folders)
{
    private const long LongestFile = 16 << 20;
    private const int LongestCause = 300;
    private const int MostFiles = 10_000;
    private const int DeepestKeys = 32;
    private const string Separator = "/";

    private readonly Dictionary<string, IReadOnlyList<WildcardValue>> _values = new(StringComparer.Ordinal);
    private IReadOnlyList<(string Name, string Path)>? _files;

    // The lists of the files that were read, by the file's path.
    private readonly Dictionary<string, IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)>> _lists = new(StringComparer.Ordinal);

    /// <summary>The names of all lists that can be read, sorted.</summary>
    /// <param name="cancellationToken">Cancels it.</param>
    public IReadOnlyList<string> FindNames(CancellationToken cancellationToken = default)
    {
        List<string> names = [];
        foreach ((string Name, string Path) file in Files(cancellationToken))
        {
            if (TryRead(file, cancellationToken, out _) is { } lists)
                names.AddRange(lists.Select(static list => list.Name));
        }

        return [.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>The values of a list, or of all lists that a pattern matches, without repetitions and sorted.</summary>
    /// <param name="pattern">The name; <c>*</c> stands for any characters but <c>/</c>, and <c>**</c> for any.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>At least one value.</returns>
    /// <exception cref="WildcardNotFoundException">There is no such list, or its file cannot be read.</exception>
    internal IReadOnlyList<WildcardValue> Find(string pattern, CancellationToken cancellationToken = default)
    {
        string name = pattern.Replace('\\', '/').Trim('/').Trim();
        if (_values.TryGetValue(name, out IReadOnlyList<WildcardValue>? known))
            return known;
        IReadOnlyList<WildcardValue> values = Matching(name, cancellationToken, out WildcardNotFoundException? fault);
        if (values.Count == 0)
            values = Matching("**/" + name, cancellationToken, out fault);
        return values.Count > 0 ? _values[name] = values : throw fault ?? NotFound(name, cancellationToken);
    }

    private WildcardNotFoundException NotFound(string name, CancellationToken cancellationToken)
    {
        string where = folders.Count == 0 ? "No folder was given." : $"Looked for in {string.Join(" and ", folders.Select(static folder => $"'{folder}'"))}.";
        string advice = Spelling.Nearest(name, FindNames(cancellationToken)) is string near ? $" Did you mean '{near}'?" : " A list is a text file of that name with a value on each line, or a key in a YAML or JSON file.";
        return new WildcardNotFoundException($"There is no list for the wildcard '__{name}__'. {where}{advice}");
    }

    // A file that cannot be read matters only if the list is nowhere else.
    private IReadOnlyList<WildcardValue> Matching(string pattern, CancellationToken cancellationToken, out WildcardNotFoundException? fault)
    {
        // The values of two lists are one list: the first weight of a value counts.
        Dictionary<string, WildcardValue> found = new(StringComparer.Ordinal);
        string[] parts = pattern.Split(Separator);
        fault = null;
        foreach ((string Name, string Path) file in Files(cancellationToken))
        {
            bool isText = Path.GetExtension(file.Path).Equals(".txt", StringComparison.OrdinalIgnoreCase);
            if (isText && !Matches(file.Name.Split(Separator), parts))
                continue;
            IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)>? lists = TryRead(file, cancellationToken, out WildcardNotFoundException? unreadable);
            fault ??= unreadable;
            foreach ((string name, IReadOnlyList<WildcardValue> values) in lists ?? [])
            {
                // The name of a file with keys may be in front of them.
                if (!Matches(name.Split(Separator), parts) && (isText || !Matches($"{file.Name}{Separator}{name}".Split(Separator), parts)))
                    continue;
                foreach (WildcardValue value in values)
                    found.TryAdd(value.Text, value);
            }
        }

        return [.. found.Values.OrderBy(static value => value.Text, StringComparer.Ordinal)];
    }

    private IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)>? TryRead((string Name, string Path) file, CancellationToken cancellationToken, out WildcardNotFoundException? fault)
    {
        cancellationToken.ThrowIfCancellationRequested();
        fault = null;
        try
        {
            return Lists(file);
        }
        catch (WildcardNotFoundException error)
        {
            fault = error;
            return null;
        }
    }

    // '**' matches any number of parts of a name: at the end one or more, elsewhere also none.
    private static bool Matches(string[] name, string[] pattern)
    {
        bool[] reached = new bool[name.Length + 1];
        reached[0] = true;
        for (int i = 0; i < pattern.Length; i++)
        {
            bool[] next = new bool[name.Length + 1];
            bool isAny = pattern[i] == "**", isLast = i == pattern.Length - 1;
            for (int n = 0; n <= name.Length; n++)
            {
                next[n] = isAny
                    ? (reached[n] && !isLast) || (n > 0 && (next[n - 1] || reached[n - 1]))
                    : n > 0 && reached[n - 1] && FileSystemName.MatchesSimpleExpression(pattern[i], name[n - 1], ignoreCase: false);
            }

            reached = next;
        }

        return reached[^1];
    }

    private IReadOnlyList<(string Name, string Path)> Files(CancellationToken cancellationToken)
    {
        if (_files is not null)
            return _files;
        List<(string Name, string Path)> files = [];
        foreach (string folder in folders.Where(Directory.Exists))
        {
            // Links are not followed: they lead out of the folder, or back into it.
            EnumerationOptions options = new() { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = DeepestKeys, AttributesToSkip = FileAttributes.ReparsePoint };
            foreach (string path in Directory.EnumerateFiles(folder, "*", options))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (Path.GetExtension(path).ToUpperInvariant() is not (".TXT" or ".YAML" or ".YML" or ".JSON"))
                    continue;
                files.Add((Path.ChangeExtension(Path.GetRelativePath(folder, path), null).Replace('\\', '/'), path));
                if (files.Count > MostFiles)
                    throw new WildcardNotFoundException($"The folder of wildcards '{folder}' has more than {MostFiles} files with lists. Give a folder with fewer.");
            }
        }

        return _files = [.. files.OrderBy(static file => file.Path, StringComparer.Ordinal)];
    }

    private IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)> Lists((string Name, string Path) file)
    {
        if (_lists.TryGetValue(file.Path, out IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)>? known))
            return known;
        try
        {
            return _lists[file.Path] = Read(file.Path, file.Name, Encoding.UTF8.GetString(RegularFile.ReadAllBytes(file.Path, LongestFile)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file.Path, error);
        }
    }

    /// <summary>Reads the lists of a file.</summary>
    /// <param name="path">Its path, whose extension is its format.</param>
    /// <param name="name">The name of a list without keys.</param>
    /// <param name="text">Its text.</param>
    /// <exception cref="WildcardNotFoundException">The text does not have the format.</exception>
    internal static IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)> Read(string path, string name, string text)
    {
        string body = text.TrimStart('\uFEFF');
        string folder = Path.GetDirectoryName(name)?.Replace('\\', '/') ?? string.Empty;
        try
        {
            return Path.GetExtension(path).ToUpperInvariant() switch
            {
                ".TXT" => [(name, Lines(body))],
                ".JSON" => WildcardTree.OfJson(body, name, folder),
                _ => WildcardTree.OfYaml(body, name, folder),
            };
        }
        // Half a surrogate pair in JSON, and some faults of YAML, are errors of other kinds.
        catch (Exception error) when (error is JsonException or YamlException or FormatException or InvalidOperationException or ArgumentException)
        {
            throw Unreadable(path, error);
        }
    }

    private static WildcardNotFoundException Unreadable(string path, Exception error) => new($"The file of wildcards '{path}' cannot be read: {PrintableText.Of(Sentence.Of(error), LongestCause)} Mend the file, or move it out of the folder.", error);

    private static IReadOnlyList<WildcardValue> Lines(string text) =>
        [.. text.Split(['\n', '\r'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(static line => line[0] != '#').Select(static line => new WildcardValue(line))];
}
