using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>Finds things by the names that a user gives.</summary>
internal static class NameMatcher
{
    /// <summary>The wildcard that stands for all names.</summary>
    public const string All = "*";

    /// <summary>Finds what matches a name or a wildcard.</summary>
    /// <param name="name">What the user asked for.</param>
    /// <param name="items">All items.</param>
    /// <param name="namesOf">The names of an item.</param>
    /// <param name="find">Finds an item by another form of its name, and throws if there is none.</param>
    /// <returns>The items; none where a wildcard matches nothing.</returns>
    public static IReadOnlyList<T> Find<T>(string name, IReadOnlyList<T> items, Func<T, IEnumerable<string>> namesOf, Func<string, T> find)
    {
        WildcardPattern pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
        T[] found = [.. items.Where(item => namesOf(item).Any(pattern.IsMatch))];
        return found.Length > 0 || WildcardPattern.ContainsWildcardCharacters(name) ? found : [find(name)];
    }
}
