{{/* The folder of rules, where values or ConfigMaps bring some; else it is the image's. */}}
{{- define "stream-app.rulesMount" -}}
{{- if or .Values.rules.files .Values.rules.configMaps }}
- name: rules
  mountPath: /app/rules
  readOnly: true
{{- end }}
{{- end -}}

{{- define "stream-app.rulesVolume" -}}
{{- if or .Values.rules.files .Values.rules.configMaps }}
- name: rules
  projected:
    sources:
      {{- if .Values.rules.files }}
      - configMap:
          name: {{ include "stream-app.name" . }}-rules
          items:
            {{- range $path, $_ := .Values.rules.files }}
            - key: {{ replace "/" "__" $path | quote }}
              path: {{ $path | quote }}
            {{- end }}
      {{- end }}
      {{- range .Values.rules.configMaps }}
      - configMap:
          {{- toYaml . | nindent 10 }}
      {{- end }}
{{- end }}
{{- end -}}
