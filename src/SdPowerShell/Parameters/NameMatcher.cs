using System.Management.Automation;
using StableDiffusion;

namespace SdPowerShell.Parameters;

/// <summary>Finds things by the names that a user gives.</summary>
internal static class NameMatcher
{
    /// <summary>The wildcard that stands for all names.</summary>
    public const string All = "*";

    /// <summary>Does something with each item that matches a name or a wildcard. A name without an item is an error of its own.</summary>
    /// <param name="cmdlet">The cmdlet that writes the errors.</param>
    /// <param name="names">The names and wildcards.</param>
    /// <param name="list">Lists all items.</param>
    /// <param name="namesOf">The names of an item.</param>
    /// <param name="find">Finds an item by another form of its name, and throws if there is none.</param>
    /// <param name="use">The action.</param>
    public static void ForEach<T>(DiffusionCmdlet cmdlet, IEnumerable<string> names, Func<IReadOnlyList<T>> list, Func<T, IEnumerable<string>> namesOf, Func<string, T> find, Action<T> use)
    {
        foreach (string name in names)
        {
            cmdlet.ProcessOne(name, () =>
            {
                foreach (T item in Find(name, list(), namesOf, find))
                    use(item);
            });
        }
    }

    /// <summary>The pattern that a name or a wildcard is, in any case of its letters.</summary>
    /// <param name="name">The name or wildcard.</param>
    /// <exception cref="InvalidSettingException">It is not a pattern.</exception>
    public static WildcardPattern Pattern(string name)
    {
        try
        {
            // A pattern is only read when it is used.
            WildcardPattern pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
            pattern.IsMatch(string.Empty);
            return pattern;
        }
        catch (WildcardPatternException)
        {
            throw new InvalidSettingException("Name", $"'{name}' is not a valid wildcard pattern: a bracket is not closed. Close it, or put a backtick before a bracket that is part of the name.");
        }
    }

    private static IReadOnlyList<T> Find<T>(string name, IReadOnlyList<T> items, Func<T, IEnumerable<string>> namesOf, Func<string, T> find)
    {
        // Names may differ in case only, where the file system distinguishes it.
        T[] exact = [.. items.Where(item => namesOf(item).Contains(name, StringComparer.Ordinal))];
        if (exact.Length > 0)
            return exact;

        WildcardPattern pattern = Pattern(name);
        T[] found = [.. items.Where(item => namesOf(item).Any(pattern.IsMatch))];
        return found.Length > 0 || WildcardPattern.ContainsWildcardCharacters(name) ? found : [find(name)];
    }
}
