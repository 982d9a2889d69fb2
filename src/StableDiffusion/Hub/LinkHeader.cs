namespace StableDiffusion.Hub;

/// <summary>Reads the links of a response's header (RFC 8288), such as <c>&lt;/page/2&gt;; rel="next", &lt;/page/9&gt;; rel="last"</c>.</summary>
internal static class LinkHeader
{
    /// <summary>Finds the link to the next page, in time that grows with the length of the header and no faster.</summary>
    /// <param name="header">The header's value.</param>
    /// <param name="next">The first such link as it stands there; null if there is none.</param>
    /// <returns>False if the header is malformed, so that a link may be lost.</returns>
    public static bool TryFindNext(string header, out string? next)
    {
        next = null;
        int at = 0;
        for (;;)
        {
            while (at < header.Length && (header[at] == ',' || char.IsWhiteSpace(header[at])))
                at++;
            if (at == header.Length)
                return true;

            int end = header[at] == '<' ? header.IndexOf('>', at) : -1;
            if (end < 0)
                return false;

            string target = header[(at + 1)..end];
            at = end + 1;
            while (at < header.Length && header[at] != ',')
            {
                int start = at;
                at = EndOfParameter(header, at);
                if (at < 0)
                    return false;
                if (IsNext(header.AsSpan(start, at - start)))
                    next ??= target;
                if (at < header.Length && header[at] == ';')
                    at++;
            }
        }
    }

    /// <summary>The position of the semicolon or comma after a parameter; negative if a quotation does not end.</summary>
    private static int EndOfParameter(string header, int at)
    {
        bool isQuoted = false;
        for (; at < header.Length && (isQuoted || header[at] is not (';' or ',')); at++)
        {
            if (header[at] == '"')
                isQuoted = !isQuoted;
            else if (isQuoted && header[at] == '\\')
                at++;
        }

        return isQuoted ? -1 : at;
    }

    private static bool IsNext(ReadOnlySpan<char> parameter)
    {
        int equals = parameter.IndexOf('=');
        if (equals < 0 || !parameter[..equals].Trim().Equals("rel", StringComparison.OrdinalIgnoreCase))
            return false;

        ReadOnlySpan<char> relations = parameter[(equals + 1)..].Trim().Trim('"');
        foreach (Range relation in relations.Split(' '))
        {
            if (relations[relation].Equals("next", StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }
}
