using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>Finds things by the names that a user gives.</summary>
internal static class NameMatcher
{
    /// <summary>The wildcard that stands for all names.</summary>
    public const string All = "*";

    /// <summary>Finds what matches a name or a wildcard.</summary>
    /// <param name="name">What the user asked for.</param>
    /// <param name="items">All there is.</param>
    /// <param name="namesOf">The names that an item goes by.</param>
    /// <param name="find">Finds one item by any other way to write its name, and throws the error for a name that nothing goes by.</param>
    /// <returns>The items; none where a wildcard matches nothing.</returns>
    public static IReadOnlyList<T> Find<T>(string name, IReadOnlyList<T> items, Func<T, IEnumerable<string>> namesOf, Func<string, T> find)
    {
        WildcardPattern pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
        T[] found = [.. items.Where(item => namesOf(item).Any(pattern.IsMatch))];
        return found.Length > 0 || WildcardPattern.ContainsWildcardCharacters(name) ? found : [find(name)];
    }
}
