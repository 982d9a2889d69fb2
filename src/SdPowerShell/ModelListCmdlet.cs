using System.Management.Automation;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that list things by name.</summary>
public abstract class NamedListCmdlet : DiffusionCmdlet
{
    private protected const string AllNames = "*";

    /// <summary>Writes what matches each name or wildcard; a name without wildcards that matches nothing is an error.</summary>
    /// <param name="names">What the user asked for.</param>
    /// <param name="items">All there is.</param>
    /// <param name="namesOf">The names that an item goes by.</param>
    /// <param name="find">Finds one item by any other way to write its name, and throws the error for a name that nothing goes by.</param>
    private protected void WriteMatches<T>(IEnumerable<string> names, IReadOnlyList<T> items, Func<T, IEnumerable<string>> namesOf, Func<string, T> find) =>
        WithMatches(names, items, namesOf, find, item => WriteObject(item));

    /// <summary>Does something with what matches each name or wildcard; a name without wildcards that matches nothing is an error.</summary>
    /// <param name="names">What the user asked for.</param>
    /// <param name="items">All there is.</param>
    /// <param name="namesOf">The names that an item goes by.</param>
    /// <param name="find">Finds one item by any other way to write its name, and throws the error for a name that nothing goes by.</param>
    /// <param name="use">Does it.</param>
    private protected void WithMatches<T>(IEnumerable<string> names, IReadOnlyList<T> items, Func<T, IEnumerable<string>> namesOf, Func<string, T> find, Action<T> use)
    {
        foreach (string name in names)
        {
            ProcessOne(name, () =>
            {
                WildcardPattern pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
                bool isFound = false;
                foreach (T item in items.Where(item => namesOf(item).Any(pattern.IsMatch)))
                {
                    isFound = true;
                    use(item);
                }

                if (!isFound && !WildcardPattern.ContainsWildcardCharacters(name))
                    use(find(name));
            });
        }
    }
}
