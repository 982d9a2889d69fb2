using System.Management.Automation;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that list things by name.</summary>
public abstract class NamedListCmdlet : DiffusionCmdlet
{
    private protected const string AllNames = "*";

    /// <summary>Writes the items that match each name or wildcard; a name without wildcards that matches nothing is an error.</summary>
    /// <param name="names">The names and wildcards.</param>
    /// <param name="items">All items.</param>
    /// <param name="namesOf">The names of an item.</param>
    /// <param name="find">Finds an item by another form of its name, and throws if there is none.</param>
    private protected void WriteMatches<T>(IEnumerable<string> names, IReadOnlyList<T> items, Func<T, IEnumerable<string>> namesOf, Func<string, T> find) =>
        WithMatches(names, items, namesOf, find, item => WriteObject(item));

    /// <summary>Does something with the items that match each name or wildcard; a name without wildcards that matches nothing is an error.</summary>
    /// <param name="names">The names and wildcards.</param>
    /// <param name="items">All items.</param>
    /// <param name="namesOf">The names of an item.</param>
    /// <param name="find">Finds an item by another form of its name, and throws if there is none.</param>
    /// <param name="use">The action.</param>
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
