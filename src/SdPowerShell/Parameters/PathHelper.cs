using System.Collections.ObjectModel;
using System.Management.Automation;
using Microsoft.PowerShell.Commands;
using SdPowerShell.Errors;

namespace SdPowerShell.Parameters;

/// <summary>Resolves paths from the user to full paths of the file system.</summary>
internal static class PathHelper
{
    /// <summary>
    /// The files and folders of paths, one by one as they are resolved. A path without any is
    /// written as the error PathNotFound or PathNotFileSystem, and processing continues with the next path.
    /// </summary>
    /// <param name="cmdlet">The cmdlet that was given the paths.</param>
    /// <param name="paths">The paths, absolute or relative to the current location of the session.</param>
    /// <param name="literal">Whether wildcard characters are taken literally.</param>
    /// <returns>Full paths of what exists.</returns>
    public static IEnumerable<string> ResolveInput(PSCmdlet cmdlet, IEnumerable<string> paths, bool literal)
    {
        foreach (string path in paths)
        {
            foreach (string resolved in ResolveInput(cmdlet, path, literal))
                yield return resolved;
        }
    }

    /// <summary>The full path of a file to write, which need not exist. Wildcard characters are taken literally.</summary>
    /// <param name="cmdlet">The cmdlet that was given the path.</param>
    /// <param name="path">The path, absolute or relative to the current location of the session.</param>
    /// <returns>The full path.</returns>
    /// <exception cref="RecordException">The path is not one of the file system, PathNotFound or PathNotFileSystem, or not valid, PathInvalid.</exception>
    public static string ResolveOutput(PSCmdlet cmdlet, string path) => ResolveOutput(cmdlet.SessionState, path);

    /// <summary>As <see cref="ResolveOutput(PSCmdlet, string)"/>, in any session.</summary>
    public static string ResolveOutput(SessionState session, string path)
    {
        try
        {
            string full = session.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
            if (!IsFileSystem(provider))
                throw new RecordException(DiffusionError.PathNotFileSystem(path, provider.Name));

            // PowerShell keeps the path of a share as it is, which is no path outside of Windows.
            return Path.IsPathFullyQualified(full) && !full.Contains('\0') ? full : throw new RecordException(DiffusionError.PathInvalid(path));
        }
        catch (SessionStateException)
        {
            // No such drive or provider.
            throw new RecordException(DiffusionError.PathNotFound(path));
        }
        catch (Exception error) when (IsPathFault(error))
        {
            throw new RecordException(DiffusionError.PathInvalid(path));
        }
    }

    /// <summary>The full path of the file or folder that a text leads to, which may be a name of something else.</summary>
    /// <param name="cmdlet">The cmdlet that was given the text.</param>
    /// <param name="text">A path as for <see cref="ResolveOutput(PSCmdlet, string)"/>, or anything else.</param>
    /// <returns>The full path; null where there is no such file or folder.</returns>
    public static string? FindExisting(PSCmdlet cmdlet, string text)
    {
        try
        {
            string path = ResolveOutput(cmdlet, text);
            return Path.Exists(path) ? path : null;
        }
        catch (RecordException)
        {
            // No path of the file system.
            return null;
        }
    }

    private static IReadOnlyCollection<string> ResolveInput(PSCmdlet cmdlet, string path, bool literal)
    {
        if (literal)
        {
            try
            {
                string resolved = ResolveOutput(cmdlet, path);
                if (Path.Exists(resolved))
                    return [resolved];
            }
            catch (RecordException error)
            {
                cmdlet.WriteError(error.Record);
                return [];
            }
        }
        else
        {
            Collection<string> resolved = Resolve(cmdlet, path, out ProviderInfo? provider);
            if (provider is not null && !IsFileSystem(provider))
            {
                cmdlet.WriteError(DiffusionError.PathNotFileSystem(path, provider.Name));
                return [];
            }

            if (resolved.Count > 0)
                return resolved;
        }

        cmdlet.WriteError(DiffusionError.PathNotFound(path, literal ? FindMatch(cmdlet, path) : null));
        return [];
    }

    /// <summary>The name of a file that a path matches if it is taken for a pattern.</summary>
    /// <param name="cmdlet">The cmdlet that was given the path, where it may be no pattern.</param>
    /// <param name="path">The path from the user.</param>
    /// <returns>The name; null if nothing matches, or it is no pattern.</returns>
    public static string? FindMatch(PSCmdlet cmdlet, string path) => path.AsSpan().IndexOfAny('*', '?') >= 0 && Resolve(cmdlet, path, out _) is [string match, ..]
        ? Path.GetFileName(match)
        : null;

    private static Collection<string> Resolve(PSCmdlet cmdlet, string path, out ProviderInfo? provider)
    {
        try
        {
            return cmdlet.GetResolvedProviderPathFromPSPath(path, out provider);
        }
        catch (Exception error) when (error is SessionStateException or WildcardPatternException || IsPathFault(error))
        {
            // Nothing exists there or can, no such drive or provider, or an unclosed bracket.
            provider = null;
            return [];
        }
    }

    // What .NET and the providers of PowerShell throw for a text that cannot be a path.
    private static bool IsPathFault(Exception error) =>
        error is ArgumentException or NotSupportedException or InvalidOperationException or IOException or UnauthorizedAccessException or ProviderInvocationException;

    private static bool IsFileSystem(ProviderInfo provider) => provider.ImplementingType == typeof(FileSystemProvider);
}
